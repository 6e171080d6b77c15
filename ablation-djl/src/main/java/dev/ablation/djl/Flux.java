package dev.ablation.djl;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.flux.FluxLatents;
import dev.ablation.djl.flux.FluxTextEncoders;
import dev.ablation.djl.flux.FluxTransformer2DModel;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.internal.pipeline.PipelineLoader;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.model.Conditioning;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * FLUX.1 dev and schnell, opened from a checkpoint folder in diffusers' layout or from a single
 * file.
 *
 * <p>The conditions of the network are {@link Conditioning#TEXT}, the embeddings of T5 (B, n, D),
 * {@link Conditioning#POOLED}, the pooled embedding of CLIP (B, P), and for dev, which was
 * distilled with guidance, {@link Conditioning#GUIDANCE} (B); all float32. {@link #encode} gives
 * all of them. This guidance is not classifier-free guidance, which dev and schnell can be drawn
 * with as well.
 *
 * <p>Latents have the shape (B, 16, H, W), H and W even; they are packed inside of {@link
 * #predict}. Arrays that a call makes belong to the manager named there. One thread at a time.
 */
public final class Flux extends FlowModel {
  private final FluxTextEncoders encoders;
  private final FluxTransformer2DModel transformer;
  private final double guidance;
  private final Kernel toUnitTime;

  /** {@code guidance} is ignored by a network that was not distilled with it. */
  Flux(
      Parts parts, FluxTextEncoders encoders, FluxTransformer2DModel transformer, double guidance) {
    super(parts);
    this.encoders = encoders;
    this.transformer = transformer;
    this.guidance = guidance;
    toUnitTime =
        Kernel.of(
            "(t): return torch.div(torch.to(t, 6), %s)"
                .formatted(parts.scheduler().schedule().maxTime()));
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
  public static Flux load(Path checkpoint) throws IOException {
    return load(checkpoint, LoadOptions.defaults());
  }

  /**
   * Opens a checkpoint: a folder in diffusers' layout, or a single file with the names of the
   * original code.
   *
   * @param checkpoint a folder with {@code model_index.json} and the folders that it names, or a
   *     {@code .safetensors} file; {@link LoadOptions#component} names where networks are that the
   *     file lacks
   * @param options device, format of the weights, tokens of T5, guidance scale of dev
   * @return the model, closed by the caller
   * @throws IOException if a file is missing, malformed or of a kind that is not supported; the
   *     message names it and says what is expected
   */
  public static Flux load(Path checkpoint, LoadOptions options) throws IOException {
    return PipelineLoader.load(checkpoint, options, List.of(new FluxPipeline()));
  }

  /** {@return the text encoders, with their tokenizers} */
  public FluxTextEncoders textEncoders() {
    return encoders;
  }

  @Override
  public Map<String, String> encodingSettings() {
    String length = Integer.toString(encoders.second().tokenizer().contextLength());
    return transformer.config().guidanceEmbeds()
        ? Map.of("maxSequenceLength", length, "guidance", Double.toString(guidance))
        : Map.of("maxSequenceLength", length);
  }

  /** {@return the denoising network as a DJL block} */
  public FluxTransformer2DModel transformer() {
    return transformer;
  }

  @Override
  Conditioning encodeAll(List<String> prompts, NDManager scope) {
    return encode(prompts, prompts, scope);
  }

  /**
   * Encodes a text of its own for each text encoder.
   *
   * @param prompts B prompts of CLIP
   * @param prompts2 B prompts of T5
   * @param scope owner of the result
   * @return the conditioning
   */
  public Conditioning encode(List<String> prompts, List<String> prompts2, NDManager scope) {
    int length = encoders.second().tokenizer().contextLength();
    NDList out = during(() -> encoders.encode(prompts, prompts2, length, scope));
    Map<String, NDArray> arrays = new LinkedHashMap<>();
    arrays.put(Conditioning.TEXT, out.get(0));
    arrays.put(Conditioning.POOLED, out.get(1));
    if (transformer.config().guidanceEmbeds()) {
      arrays.put(
          Conditioning.GUIDANCE,
          scope.full(new Shape(prompts.size()), (float) guidance, DataType.FLOAT32));
    }
    return new Conditioning(arrays).attach(scope);
  }

  @Override
  public NDArray predict(NDArray latents, NDArray timesteps, Conditioning conditioning) {
    boolean distilled = transformer.config().guidanceEmbeds();
    if (!distilled && conditioning.has(Conditioning.GUIDANCE)) {
      throw new IllegalArgumentException(
          "conditioning: this network, such as FLUX.1 schnell, was not distilled with guidance and"
              + " takes no '%s'; use Guidance.none()".formatted(Conditioning.GUIDANCE));
    }
    conditioning.checkNames(
        distilled
            ? Set.of(Conditioning.TEXT, Conditioning.POOLED, Conditioning.GUIDANCE)
            : Set.of(Conditioning.TEXT, Conditioning.POOLED),
        Set.of());
    checkInputs(
        latents,
        timesteps,
        conditioning,
        transformer.config().jointAttentionDim(),
        transformer.config().pooledProjectionDim());
    return during(() -> velocity(latents, timesteps, conditioning));
  }

  private NDArray velocity(NDArray latents, NDArray timesteps, Conditioning conditioning) {
    long height = latents.getShape().get(2);
    long width = latents.getShape().get(3);
    NDArray text = conditioning.textEmbeddings();
    NDManager owner = latents.getManager();
    try (NDArray packed = FluxLatents.pack(latents);
        NDArray time = toUnitTime.call(timesteps);
        NDArray imageIds = FluxLatents.imageIds(height, width, owner);
        NDArray textIds = FluxLatents.textIds(text.getShape().get(1), owner)) {
      NDList in =
          new NDList(packed, text, conditioning.get(Conditioning.POOLED), time, imageIds, textIds);
      if (conditioning.has(Conditioning.GUIDANCE)) {
        in.add(conditioning.get(Conditioning.GUIDANCE));
      }
      try (NDArray velocity = transformer.applyAll(in).head()) {
        NDArray out = FluxLatents.unpack(velocity, height, width);
        out.attach(owner);
        return out;
      }
    }
  }
}
