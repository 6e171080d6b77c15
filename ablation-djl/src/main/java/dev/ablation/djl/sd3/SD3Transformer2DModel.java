package dev.ablation.djl.sd3;

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
import java.util.Set;

/**
 * The MM-DiT of Stable Diffusion 3 and 3.5, which predicts velocities (Esser et al. 2024, arXiv
 * 2403.03206, figure 2).
 *
 * <ul>
 *   <li>inputs: noised latents (B, c, H, W); text embeddings (B, T, D); pooled text embeddings (B,
 *       P); timesteps (B) in 0..1000, int64 or float32
 *   <li>output: velocity (B, c, H, W)
 * </ul>
 */
public final class SD3Transformer2DModel extends Layer {
  private final SD3TransformerConfig config;
  private final PatchEmbed posEmbed;
  private final CombinedTimestepTextProjEmbeddings timeTextEmbed;
  private final Linear contextEmbedder;
  private final List<JointTransformerBlock> transformerBlocks = new ArrayList<>();
  private final AdaLayerNormContinuous normOut;
  private final Linear projOut;
  private final Kernel unpatchify;
  private Set<Integer> skippedBlocks = Set.of();

  /**
   * Creates the network; its weights are loaded afterwards.
   *
   * @param config shapes and options
   */
  public SD3Transformer2DModel(SD3TransformerConfig config) {
    this.config = config;
    int width = config.width();
    int patch = config.patchSize();
    posEmbed = child("pos_embed", new PatchEmbed(config));
    timeTextEmbed =
        child(
            "time_text_embed",
            new CombinedTimestepTextProjEmbeddings(width, config.pooledProjectionDim(), false));
    contextEmbedder =
        child(
            "context_embedder",
            new Linear(config.jointAttentionDim(), width),
            WeightRole.CONTEXT_EMBEDDER);
    Set<Integer> dual = config.dualAttentionLayers();
    for (int i = 0; i < config.layers(); i++) {
      transformerBlocks.add(
          child(
              "transformer_blocks." + i,
              new JointTransformerBlock(
                  config.attention(), i == config.layers() - 1, dual.contains(i))));
    }
    normOut = child("norm_out", new AdaLayerNormContinuous(width));
    projOut = child("proj_out", new Linear(width, patch * patch * config.outChannels()));
    unpatchify =
        Kernel.of(
            """
            (x, like):
                h = like.size(2) // %1$d
                w = like.size(3) // %1$d
                y = torch.permute(torch.reshape(x, [x.size(0), h, w, %1$d, %1$d, -1]), [0, 5, 1, 3, 2, 4])
                return torch.reshape(y, [x.size(0), -1, h * %1$d, w * %1$d])\
            """
                .formatted(patch));
  }

  /** {@return the network's configuration} */
  public SD3TransformerConfig config() {
    return config;
  }

  /**
   * Leaves blocks out of the next calls, as skip-layer guidance does for its third prediction.
   *
   * @param blocks indices of the blocks; none at first
   * @throws IllegalArgumentException if an index is not one of a block
   */
  public void skipBlocks(Set<Integer> blocks) {
    for (int block : blocks) {
      if (block < 0 || block >= transformerBlocks.size()) {
        throw new IllegalArgumentException(
            "a skipped block must be in 0..%d, was %d"
                .formatted(transformerBlocks.size() - 1, block));
      }
    }
    skippedBlocks = Set.copyOf(blocks);
  }

  @Override
  protected NDList call(NDList in) {
    NDArray sample = in.get(0);
    checkSample(sample.getShape());
    NDArray condition = timeTextEmbed.apply(in.get(3), in.get(2));
    NDArray text = contextEmbedder.apply(in.get(1));
    NDArray image = posEmbed.apply(sample);
    for (int i = 0; i < transformerBlocks.size(); i++) {
      if (skippedBlocks.contains(i)) {
        continue;
      }
      NDList out = transformerBlocks.get(i).applyAll(new NDList(image, text, condition));
      // What this block used up is not needed again; autograd keeps what it needs itself.
      image.close();
      image = out.get(0);
      if (out.size() > 1) {
        text.close();
        text = out.get(1);
      }
    }
    NDArray tokens = projOut.applyAndClose(normOut.apply(image, condition));
    return new NDList(unpatchify.applyAndClose(tokens, sample));
  }

  private void checkSample(Shape shape) {
    int patch = config.patchSize();
    long most = (long) config.posEmbedMaxSize() * patch;
    if (shape.dimension() != 4
        || shape.get(1) != config.inChannels()
        || shape.get(2) % patch != 0
        || shape.get(3) % patch != 0
        || shape.get(2) > most
        || shape.get(3) > most) {
      throw new IllegalArgumentException(
          "latents must be (B, %d, H, W) with H and W multiples of %d and at most %d, were %s"
              .formatted(config.inChannels(), patch, most, shape));
    }
  }
}
