package dev.ablation.djl.pipeline;

import dev.ablation.djl.checkpoint.InvalidCheckpointException;
import dev.ablation.djl.checkpoint.JsonConfig;
import dev.ablation.djl.load.LoadOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;

/**
 * Opens a checkpoint as one of some pipeline classes. Everything that is read from small files is
 * checked before the engine starts and weights are read.
 */
public final class PipelineLoader {
  private static final String CLASS_NAME = "_class_name";

  private PipelineLoader() {}

  /**
   * Opens a checkpoint.
   *
   * @param path a folder in diffusers' layout, or a single file
   * @param options how it is opened
   * @param known the pipeline classes that may be there
   * @param <M> the model
   * @return the model
   * @throws IOException if a file is missing, malformed or of a kind that is not supported; the
   *     message names it and says what is expected
   */
  public static <M> M load(
      Path path, LoadOptions options, List<? extends PipelineClass<? extends M>> known)
      throws IOException {
    try (CheckpointSource source = CheckpointSource.open(path, options)) {
      JsonConfig index = JsonConfig.read(source.configFolder().resolve("model_index.json"));
      return load(source, index, options, find(index, known));
    }
  }

  private static <M> PipelineClass<? extends M> find(
      JsonConfig index, List<? extends PipelineClass<? extends M>> known)
      throws InvalidCheckpointException {
    String name = index.requireString(CLASS_NAME);
    TreeSet<String> names = new TreeSet<>();
    for (PipelineClass<? extends M> pipeline : known) {
      if (pipeline.names().contains(name)) {
        return pipeline;
      }
      names.addAll(pipeline.names());
    }
    throw index.invalid(CLASS_NAME, "a supported pipeline: one of " + names);
  }

  private static <M> M load(
      CheckpointSource source,
      JsonConfig index,
      LoadOptions options,
      PipelineClass<? extends M> pipeline)
      throws IOException {
    Components components = read(source, index, pipeline.components());
    check(source, pipeline.mismatches(components));
    List<String> problems = new ArrayList<>();
    for (Network<?, ?> network : components.networks()) {
      network.build();
    }
    for (Network<?, ?> network : components.networks()) {
      network.open(source, problems);
    }
    source.checkLeftovers(problems);
    check(source, problems);
    KeptFiles kept = KeptFiles.read(source.configFolder(), pipeline.components(), components);
    Opening opening = new Opening(source, options, components, kept, problems);
    try {
      return pipeline.open(components, opening);
    } catch (IOException | RuntimeException | Error e) {
      opening.undo();
      throw e;
    }
  }

  private static Components read(CheckpointSource source, JsonConfig index, List<Component<?>> list)
      throws IOException {
    List<String> classNames = new ArrayList<>();
    for (Component<?> component : list) {
      classNames.add(className(index, component));
    }
    Components components = new Components();
    for (int i = 0; i < list.size(); i++) {
      components.read(list.get(i), source, classNames.get(i));
    }
    return components;
  }

  private static String className(JsonConfig index, Component<?> component)
      throws InvalidCheckpointException {
    List<String> pair;
    try {
      pair = index.requireStrings(component.name());
    } catch (InvalidCheckpointException e) {
      // Such as [null, null], which means an absent component.
      throw index.invalid(component.name(), component.rule());
    }
    if (pair.size() != 2
        || (!component.classes().isEmpty() && !component.classes().contains(pair.get(1)))) {
      throw index.invalid(component.name(), component.rule());
    }
    return pair.get(1);
  }

  static void check(CheckpointSource source, List<String> problems)
      throws InvalidCheckpointException {
    if (!problems.isEmpty()) {
      throw new InvalidCheckpointException(source.path(), problems);
    }
  }
}
