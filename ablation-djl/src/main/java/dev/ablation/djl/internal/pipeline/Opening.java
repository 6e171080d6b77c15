package dev.ablation.djl.internal.pipeline;

import ai.djl.ndarray.NDManager;
import dev.ablation.djl.internal.checkpoint.EngineManager;
import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.djl.load.JsonConfig;
import dev.ablation.djl.load.LoadOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/**
 * What a pipeline class needs to create its model. Everything is freed if the model does not come
 * about.
 */
public final class Opening {
  private final CheckpointSource source;
  private final JsonConfig index;
  private final LoadOptions options;
  private final Components components;
  private final KeptFiles kept;

  /** Where the networks note what they find when they are filled. */
  private final List<String> problems;

  private final Deque<Runnable> undo = new ArrayDeque<>();

  Opening(
      CheckpointSource source,
      JsonConfig index,
      LoadOptions options,
      Components components,
      KeptFiles kept,
      List<String> problems) {
    this.source = source;
    this.index = index;
    this.options = options;
    this.components = components;
    this.kept = kept;
    this.problems = problems;
  }

  /** {@return the folder or file that is opened} */
  public Path path() {
    return source.path();
  }

  /** {@return {@code model_index.json}} */
  public JsonConfig index() {
    return index;
  }

  /** {@return the name of the model: that of the folder, or of the file without its ending} */
  public String modelName() {
    return kept.modelName();
  }

  /** {@return how the model is opened} */
  public LoadOptions options() {
    return options;
  }

  /** {@return the small files of the checkpoint, for writing it again} */
  public KeptFiles keptFiles() {
    return kept;
  }

  /**
   * Remembers what to do if opening fails later on.
   *
   * @param action such as closing a tokenizer
   */
  public void onFailure(Runnable action) {
    undo.push(action);
  }

  /**
   * Starts the engine and loads the weights of all networks.
   *
   * @return owner of the weights, on the device of the options
   * @throws InvalidCheckpointException if weights are not finite; names all of them
   * @throws IOException if reading fails
   */
  public NDManager fill() throws IOException {
    NDManager manager = EngineManager.of(options);
    onFailure(manager::close);
    for (Network<?, ?> network : components.networks()) {
      if (options.textEncoderOffload() && network.name().startsWith("text_encoder")) {
        network.fillOffloaded(manager);
      } else {
        network.fill(manager, options.weightDtype());
      }
    }
    PipelineLoader.check(source, problems);
    return manager;
  }

  void undo() {
    undo.forEach(Runnable::run);
  }
}
