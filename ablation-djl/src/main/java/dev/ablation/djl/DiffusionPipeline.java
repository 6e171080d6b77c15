package dev.ablation.djl;

import dev.ablation.djl.internal.pipeline.PipelineClass;
import dev.ablation.djl.internal.pipeline.PipelineLoader;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.model.DiffusionModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

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
}
