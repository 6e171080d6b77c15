package dev.ablation.djl;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import dev.ablation.djl.internal.pipeline.PipelineLoader;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.djl.nn.NamedWeights;
import dev.ablation.djl.sd3.SD3TextEncoders;
import dev.ablation.djl.sd3.SD3TextEncoders.Prompts;
import dev.ablation.djl.sd3.SD3Transformer2DModel;
import dev.ablation.model.Conditioning;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Stable Diffusion 3 and 3.5 (Esser et al. 2024, arXiv 2403.03206), opened from a checkpoint folder
 * in diffusers' layout. T5, the largest text encoder, may be absent from the folder or be left out
 * by {@link LoadOptions#without}; zeros take the place of its embeddings.
 *
 * <p>The conditions of the network are {@link Conditioning#TEXT}, (B, 77 + n, D) with n tokens of
 * T5, and {@link Conditioning#POOLED}, (B, P), both float32. Arrays that a call makes belong to the
 * manager named there. One thread at a time.
 */
public final class StableDiffusion3 extends FlowModel {
  private final SD3TextEncoders encoders;
  private final SD3Transformer2DModel transformer;
  private final int t5Length;
  private final NamedWeights weights;

  StableDiffusion3(
      Parts parts, SD3TextEncoders encoders, SD3Transformer2DModel transformer, int t5Length) {
    super(parts);
    this.encoders = encoders;
    this.transformer = transformer;
    this.t5Length = t5Length;
    weights = parts.weights();
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
  public static StableDiffusion3 load(Path checkpoint) throws IOException {
    return load(checkpoint, LoadOptions.defaults());
  }

  /**
   * Opens a checkpoint: a folder in diffusers' layout, or a single file with the names of the
   * original code.
   *
   * @param checkpoint a folder with {@code model_index.json} and the folders that it names, or a
   *     {@code .safetensors} file; {@link LoadOptions#component} names where networks are that the
   *     file lacks
   * @param options device, format of the weights, tokens of T5, whether T5 is left out
   * @return the model, closed by the caller
   * @throws IOException if a file is missing, malformed or of a kind that is not supported; the
   *     message names it and says what is expected
   */
  public static StableDiffusion3 load(Path checkpoint, LoadOptions options) throws IOException {
    return PipelineLoader.load(checkpoint, options, List.of(new StableDiffusion3Pipeline()));
  }

  /** {@return the text encoders, with their tokenizers} */
  public SD3TextEncoders textEncoders() {
    return encoders;
  }

  /** {@return the denoising network as a DJL block} */
  public SD3Transformer2DModel transformer() {
    return transformer;
  }

  @Override
  public Map<String, String> encodingSettings() {
    return Map.of(
        "maxSequenceLength",
        Integer.toString(t5Length),
        "positions.sha256",
        weights.buffersSha256());
  }

  @Override
  Conditioning encodeAll(List<String> prompts, NDManager scope) {
    return encode(Prompts.of(prompts), 0, scope);
  }

  /**
   * Encodes a text of its own for each text encoder.
   *
   * @param prompts B prompts for each
   * @param clipSkip how many layers of the CLIP models to leave out beside the last one, usually 0
   * @param scope owner of the result
   * @return the conditioning
   */
  public Conditioning encode(Prompts prompts, int clipSkip, NDManager scope) {
    NDList out = during(() -> encoders.encode(prompts, clipSkip, t5Length, scope));
    return new Conditioning(Map.of(Conditioning.TEXT, out.get(0), Conditioning.POOLED, out.get(1)))
        .attach(scope);
  }

  @Override
  public NDArray predict(NDArray latents, NDArray timesteps, Conditioning conditioning) {
    if (conditioning.has(Conditioning.GUIDANCE)) {
      throw new IllegalArgumentException(
          "conditioning: Stable Diffusion 3 was not distilled with guidance and takes no '%s'; use"
                  .formatted(Conditioning.GUIDANCE)
              + " Guidance.classifierFree");
    }
    conditioning.checkNames(Set.of(Conditioning.TEXT, Conditioning.POOLED), Set.of());
    checkInputs(
        latents,
        timesteps,
        conditioning,
        transformer.config().jointAttentionDim(),
        transformer.config().pooledProjectionDim());
    NDArray velocity =
        during(() ->
            transformer.apply(
                latents,
                conditioning.textEmbeddings(),
                conditioning.get(Conditioning.POOLED),
                timesteps));
    velocity.attach(latents.getManager());
    return velocity;
  }
}
