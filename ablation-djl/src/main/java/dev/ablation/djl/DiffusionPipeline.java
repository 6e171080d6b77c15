package dev.ablation.djl;

import dev.ablation.djl.internal.pipeline.PipelineClass;
import dev.ablation.djl.internal.pipeline.PipelineLoader;
import dev.ablation.djl.load.JsonConfig;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.model.DiffusionModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;

/**
 * Opens a checkpoint of any family that this library supports: {@link StableDiffusion}, {@link
 * StableDiffusionXL}, {@link StableDiffusion3} or {@link Flux}, as {@code _class_name} in {@code
 * model_index.json} or the tensors of a single file say.
 */
public final class DiffusionPipeline {
  private static final List<PipelineClass<? extends DiffusionModel>> KNOWN =
      List.of(
          new StableDiffusionPipeline(),
          new StableDiffusionXLPipeline(),
          new StableDiffusion3Pipeline(),
          new FluxPipeline());

  private DiffusionPipeline() {}

  /**
   * Opens a checkpoint on the best device.
   *
   * @param checkpoint a folder with {@code model_index.json} and the folders that it names, or a
   *     single {@code .safetensors} file
   * @return the model, closed by the caller
   * @throws IOException if a file is missing, malformed or of a kind that is not supported; the
   *     message names it and says what is expected
   */
  public static DiffusionModel load(Path checkpoint) throws IOException {
    return load(checkpoint, LoadOptions.defaults());
  }

  /**
   * Opens a checkpoint.
   *
   * @param checkpoint a folder with {@code model_index.json} and the folders that it names, or a
   *     single {@code .safetensors} file with the names of the original code, whose family is found
   *     from its tensors, see {@link SingleFile}
   * @param options how it is opened
   * @return the model, closed by the caller
   * @throws IOException if a file is missing, malformed or of a kind that is not supported; the
   *     message names it and says what is expected
   */
  public static DiffusionModel load(Path checkpoint, LoadOptions options) throws IOException {
    return PipelineLoader.load(checkpoint, options, KNOWN);
  }

  /**
   * Tells which components {@link #load(Path, LoadOptions)} would read, from the index alone.
   *
   * @param index a {@code model_index.json}
   * @param options which components are left out
   * @return their names, which are those of their folders
   * @throws IOException if the index is missing, malformed or of a pipeline that is not supported;
   *     the message says which are
   */
  public static Set<String> components(Path index, LoadOptions options) throws IOException {
    return PipelineLoader.components(JsonConfig.read(index), options, KNOWN);
  }
}
