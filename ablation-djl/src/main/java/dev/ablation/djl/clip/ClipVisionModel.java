package dev.ablation.djl.clip;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.internal.kernel.Kernels;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.LayerNorm;
import dev.ablation.djl.nn.Weight;
import dev.ablation.model.AttentionProjection.Stream;
import java.util.ArrayList;
import java.util.List;

/**
 * CLIP's vision model: a transformer over the patches of an image and a class token before them
 * (Dosovitskiy et al. 2021, arXiv 2010.11929).
 *
 * <ul>
 *   <li>input: normalised images (B, 3, s, s) of the configured size s
 *   <li>outputs: pooled state (B, D), which is the class token's after the last normalisation; last
 *       hidden state (B, 1 + patches, D) before it
 * </ul>
 */
public final class ClipVisionModel extends Layer {
  private static final Kernel FIRST_TOKEN = Kernel.of("(x): return torch.select(x, 1, 0)");

  private final ClipVisionConfig config;
  private final Embeddings embeddings;
  private final LayerNorm preLayerNorm;
  private final List<ClipEncoderLayer> layers = new ArrayList<>();
  private final LayerNorm postLayerNorm;

  /**
   * Creates the network; its weights are loaded afterwards.
   *
   * @param config shapes and options
   */
  public ClipVisionModel(ClipVisionConfig config) {
    this.config = config;
    int width = config.hiddenSize();
    embeddings = child("vision_model.embeddings", new Embeddings(config));
    preLayerNorm =
        child("vision_model.pre_layrnorm", new LayerNorm(width, config.layerNormEps())); // sic
    for (int i = 0; i < config.layers(); i++) {
      layers.add(
          child(
              "vision_model.encoder.layers." + i,
              new ClipEncoderLayer(
                  width,
                  config.intermediateSize(),
                  config.heads(),
                  config.activation(),
                  config.layerNormEps(),
                  Stream.IMAGE)));
    }
    postLayerNorm =
        child("vision_model.post_layernorm", new LayerNorm(width, config.layerNormEps()));
  }

  /** {@return the network's configuration} */
  public ClipVisionConfig config() {
    return config;
  }

  @Override
  protected NDList call(NDList in) {
    NDArray x = preLayerNorm.applyAndClose(embeddings.apply(in.get(0)));
    for (ClipEncoderLayer layer : layers) {
      x = layer.applyAndClose(x);
    }
    return new NDList(postLayerNorm.apply(FIRST_TOKEN.call(x)), x);
  }

  /** Patches as vectors, the class token before them, positions added. */
  private static final class Embeddings extends Layer {
    private static final Kernel PREPEND =
        Kernel.of(
            "(x, c): return torch.cat([torch.expand(torch.reshape(c, [1, 1, -1]),"
                + " [x.size(0), 1, x.size(2)]), x], 1)");

    private final Weight classEmbedding;
    private final PatchEmbedding patchEmbedding;
    private final PositionEmbedding positionEmbedding;

    Embeddings(ClipVisionConfig config) {
      classEmbedding = weight("class_embedding", config.hiddenSize());
      patchEmbedding = child("patch_embedding", PatchEmbedding.of(config));
      positionEmbedding =
          child(
              "position_embedding",
              new PositionEmbedding(1 + config.grid() * config.grid(), config.hiddenSize()));
    }

    @Override
    protected NDList call(NDList in) {
      NDArray patches = Kernels.TO_TOKENS.call(patchEmbedding.apply(in.get(0)));
      return new NDList(positionEmbedding.apply(PREPEND.call(patches, classEmbedding.get())));
    }
  }
}
