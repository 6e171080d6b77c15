package dev.ablation.djl;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import dev.ablation.djl.clip.ClipTextModel;
import dev.ablation.djl.clip.ClipTokenizer;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.internal.pipeline.PipelineLoader;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.model.Conditioning;
import dev.ablation.model.LatentSize;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;

/**
 * Stable Diffusion 1.x and 2.x, opened from a checkpoint folder in diffusers' layout or from a
 * single file. SDXL has {@linkplain StableDiffusionXL its own class}.
 *
 * <p>A UNet that also takes a mask and a masked image makes it an inpainting model, with the
 * capability {@link dev.ablation.model.InpaintingCondition}.
 *
 * {@snippet class="dev.ablation.djl.Snippets" region="load"}
 *
 * <p>Weights are kept in float32, or as {@link LoadOptions#weightDtype} says, on the model's
 * device; on the CPU, files of the same format are mapped into memory and not copied. Arrays that a
 * call makes belong to the manager named there.
 *
 * <p>Several threads may encode and predict at once while no weight is bound. A thread that applies
 * a delta or trains has the model alone; use by others is refused with an {@link
 * IllegalStateException} that names both threads, and so is closing.
 */
public final class StableDiffusion extends UNetDiffusion {
  private final ClipTokenizer tokenizer;
  private final ClipTextModel textEncoder;

  StableDiffusion(Parts parts, ClipTokenizer tokenizer, ClipTextModel textEncoder) {
    super(parts, tokenizer);
    this.tokenizer = tokenizer;
    this.textEncoder = textEncoder;
  }

  /**
   * Opens a checkpoint on the best device.
   *
   * @param checkpoint a folder with {@code model_index.json} and the folders that it names, or a
   *     single {@code .safetensors} file
   * @return the model, closed by the caller
   * @throws IOException if a file is missing, malformed or of a kind that is not supported; the
   *     message names it and says what is expected
   */
  public static StableDiffusion load(Path checkpoint) throws IOException {
    return load(checkpoint, LoadOptions.defaults());
  }

  /**
   * Opens a checkpoint: a folder in diffusers' layout, or a single file in the layout of the
   * original code.
   *
   * @param checkpoint a folder with {@code model_index.json} and the folders that it names, or a
   *     {@code .safetensors} file; {@link LoadOptions#component} names where networks are that the
   *     file lacks
   * @param options device, threads, variant, format of the weights
   * @return the model, closed by the caller
   * @throws IOException if a file is missing, malformed or of a kind that is not supported; the
   *     message names it and says what is expected
   */
  public static StableDiffusion load(Path checkpoint, LoadOptions options) throws IOException {
    return PipelineLoader.load(checkpoint, options, List.of(new StableDiffusionPipeline()));
  }

  /** {@return the tokenizer} */
  public ClipTokenizer tokenizer() {
    return tokenizer;
  }

  /** {@return the text encoder as a DJL block} */
  public ClipTextModel textEncoder() {
    return textEncoder;
  }

  @Override
  public Conditioning encode(List<String> prompts, LatentSize size, NDManager scope) {
    if (prompts.isEmpty()) {
      throw new IllegalArgumentException("prompts must not be empty");
    }
    return withoutImage(during(() -> encoded(prompts, scope)), size, scope);
  }

  private Conditioning encoded(List<String> prompts, NDManager scope) {
    try (NDArray input = tokenizer.encode(prompts, scope)) {
      return GradMode.asRequested(() -> {
        NDList states = textEncoder.applyAll(new NDList(input));
        states.subNDList(1).close();
        return new Conditioning(states.get(0)).attach(scope);
      });
    }
  }

  @Override
  public NDArray predict(NDArray latents, NDArray timesteps, Conditioning conditioning) {
    conditioning.checkNames(conditions(Set.of(Conditioning.TEXT)), Set.of());
    checkShapes(latents, timesteps, conditioning);
    return during(
        () -> unet().apply(input(latents, conditioning), timesteps, conditioning.textEmbeddings()));
  }

  @Override
  void closeTokenizers() {
    tokenizer.close();
  }
}
