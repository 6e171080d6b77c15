package dev.ablation.djl.flux;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.dit.AdaLayerNormContinuous;
import dev.ablation.djl.dit.CombinedTimestepTextProjEmbeddings;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.Linear;
import dev.ablation.model.WeightRole;
import java.util.ArrayList;
import java.util.List;

/**
 * The transformer of FLUX.1, which predicts velocities.
 *
 * <ul>
 *   <li>inputs: packed noised latents (B, N, c); text embeddings (B, T, D); pooled text embedding
 *       (B, P); timesteps (B) in 0..1; position ids of the image (N, 3) and of the text (T, 3); the
 *       guidance scale (B), for a network that was distilled with it
 *   <li>output: packed velocity (B, N, c)
 * </ul>
 *
 * {@link FluxLatents} packs latents and makes the ids.
 */
public final class FluxTransformer2DModel extends Layer {
  private static final int GUIDANCE = 6;

  private static final Kernel TIMES_1000 = Kernel.of("(t): return torch.mul(torch.to(t, 6), 1000)");

  private static final Kernel JOIN_IDS =
      Kernel.of("(image, text): return torch.cat([text, image], 0)");

  private final FluxTransformerConfig config;
  private final FluxPosEmbed posEmbed;
  private final CombinedTimestepTextProjEmbeddings timeTextEmbed;
  private final Linear contextEmbedder;
  private final Linear xEmbedder;
  private final List<Layer> blocks = new ArrayList<>();
  private final AdaLayerNormContinuous normOut;
  private final Linear projOut;

  /**
   * Creates the network; its weights are loaded afterwards.
   *
   * @param config shapes and options
   */
  public FluxTransformer2DModel(FluxTransformerConfig config) {
    this.config = config;
    int width = config.width();
    posEmbed = child("pos_embed", new FluxPosEmbed(config.axesDimsRope()));
    timeTextEmbed =
        child(
            "time_text_embed",
            new CombinedTimestepTextProjEmbeddings(
                width, config.pooledProjectionDim(), config.guidanceEmbeds()));
    contextEmbedder =
        child(
            "context_embedder",
            new Linear(config.jointAttentionDim(), width),
            WeightRole.CONTEXT_EMBEDDER);
    xEmbedder = child("x_embedder", new Linear(config.inChannels(), width));
    for (int i = 0; i < config.layers(); i++) {
      blocks.add(child("transformer_blocks." + i, new FluxTransformerBlock(config.attention())));
    }
    for (int i = 0; i < config.singleLayers(); i++) {
      blocks.add(
          child(
              "single_transformer_blocks." + i,
              new FluxSingleTransformerBlock(config.attention())));
    }
    normOut = child("norm_out", new AdaLayerNormContinuous(width));
    projOut = child("proj_out", new Linear(width, config.outChannels()));
  }

  /** {@return the network's configuration} */
  public FluxTransformerConfig config() {
    return config;
  }

  /** The positions of the tokens are the same for all images. */
  @Override
  protected boolean hasBatch(int input) {
    return input != 4 && input != 5;
  }

  @Override
  protected NDList call(NDList in) {
    check(in);
    NDArray condition = condition(in);
    NDArray text = contextEmbedder.apply(narrowed(in.get(1)));
    NDArray image = xEmbedder.apply(narrowed(in.get(0)));
    NDList positions = posEmbed.applyAll(new NDList(JOIN_IDS.call(in.get(4), in.get(5))));
    for (Layer block : blocks) {
      NDList inputs = new NDList(image, text, condition);
      inputs.addAll(positions);
      NDList out = block.applyAll(inputs);
      // What this block used up is not needed again; autograd keeps what it needs itself.
      image.close();
      text.close();
      image = out.get(0);
      text = out.get(1);
    }
    return new NDList(widened(projOut.applyAndClose(normOut.apply(image, condition)), in));
  }

  private NDArray condition(NDList in) {
    NDArray time = TIMES_1000.call(in.get(3));
    NDArray pooled = narrowed(in.get(2));
    return config.guidanceEmbeds()
        ? timeTextEmbed.apply(time, pooled, TIMES_1000.call(in.get(GUIDANCE)))
        : timeTextEmbed.apply(time, pooled);
  }

  private void check(NDList in) {
    boolean given = in.size() > GUIDANCE;
    if (given != config.guidanceEmbeds()) {
      throw new IllegalArgumentException(
          config.guidanceEmbeds()
              ? "a guidance scale must be given: the network was distilled with guidance"
              : "a guidance scale must not be given: the network does not take one");
    }
    Shape latents = in.get(0).getShape();
    if (latents.dimension() != 3 || latents.get(2) != config.inChannels()) {
      throw new IllegalArgumentException(
          "packed latents must be (B, N, %d), were %s".formatted(config.inChannels(), latents));
    }
    checkIds("image", in.get(4).getShape(), latents.get(1));
    checkIds("text", in.get(5).getShape(), in.get(1).getShape().get(1));
  }

  private void checkIds(String stream, Shape ids, long tokens) {
    Shape expected = new Shape(tokens, config.axesDimsRope().size());
    if (!ids.equals(expected)) {
      throw new IllegalArgumentException(
          "position ids of the %s must be %s, were %s".formatted(stream, expected, ids));
    }
  }
}
