package dev.ablation.djl.clip;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.nn.Embedding;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.LayerNorm;
import dev.ablation.djl.nn.Linear;
import dev.ablation.model.AttentionProjection.Stream;
import dev.ablation.model.WeightRole;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * CLIP's text model: a causal transformer over tokens.
 *
 * <ul>
 *   <li>input: token ids (B, T), int64
 *   <li>outputs: last hidden state (B, T, D) after the final normalisation; then the hidden states
 *       before it: the sum of embeddings and the output of every layer
 * </ul>
 */
public final class ClipTextModel extends Layer {
  private static final Kernel POOL =
      Kernel.of(
          """
          (states, ids, at):
              batch = torch.arange(states.size(0), dtype=None, layout=None, device=states.device, pin_memory=False)
              pos = torch.argmax(torch.to(torch.eq(ids, at), 3), 1)
              return torch.index(states, [batch, pos])\
          """);

  private static final Kernel POOL_AT_HIGHEST =
      Kernel.of(
          """
          (states, ids):
              batch = torch.arange(states.size(0), dtype=None, layout=None, device=states.device, pin_memory=False)
              return torch.index(states, [batch, torch.argmax(ids, -1)])\
          """);

  private static final int LEGACY_END_TOKEN = 2;

  private final ClipTextConfig config;
  private final Embedding tokenEmbedding;
  private final PositionEmbedding positionEmbedding;
  private final List<ClipEncoderLayer> layers = new ArrayList<>();
  private final LayerNorm finalLayerNorm;
  private final @Nullable Linear textProjection;

  /**
   * Creates the network without a projection; its weights are loaded afterwards.
   *
   * @param config shapes and options
   */
  public ClipTextModel(ClipTextConfig config) {
    this(config, 0);
  }

  /**
   * Creates the network ({@code CLIPTextModelWithProjection}); its weights are loaded afterwards.
   *
   * @param config shapes and options
   * @param projectionSize P, width of {@link #textEmbeds}; 0 for a network without
   */
  public ClipTextModel(ClipTextConfig config, int projectionSize) {
    this.config = config;
    tokenEmbedding =
        child(
            "text_model.embeddings.token_embedding",
            new Embedding(config.vocabularySize(), config.hiddenSize()),
            WeightRole.TOKEN_EMBEDDING);
    positionEmbedding =
        child(
            "text_model.embeddings.position_embedding",
            new PositionEmbedding(config.contextLength(), config.hiddenSize()));
    for (int i = 0; i < config.layers(); i++) {
      layers.add(
          textLayer(
              "text_model.encoder.layers." + i,
              i,
              new ClipEncoderLayer(
                  config.hiddenSize(),
                  config.intermediateSize(),
                  config.heads(),
                  config.activation(),
                  config.layerNormEps(),
                  Stream.TEXT)));
    }
    finalLayerNorm =
        child(
            "text_model.final_layer_norm",
            new LayerNorm(config.hiddenSize(), config.layerNormEps()));
    textProjection =
        projectionSize == 0
            ? null
            : child("text_projection", new Linear(config.hiddenSize(), projectionSize, false));
  }

  /**
   * Adds tokens at the end of the vocabulary; the weights are loaded afterwards without them.
   *
   * @param vectors (n, D), one row of the table for each token
   */
  public void addTokens(float[][] vectors) {
    tokenEmbedding.append(vectors);
  }

  /** {@return the network's configuration, without added tokens} */
  public ClipTextConfig config() {
    return config;
  }

  /**
   * Returns the state at the end token of each prompt.
   *
   * @param lastHiddenState (B, T, D)
   * @param ids (B, T), int64
   * @return (B, D)
   */
  public NDArray pooled(NDArray lastHiddenState, NDArray ids) {
    if (config.endTokenId() == LEGACY_END_TOKEN) {
      return POOL_AT_HIGHEST.call(lastHiddenState, ids);
    }
    try (NDArray end =
        ids.getManager().create((long) config.endTokenId()).toDevice(ids.getDevice(), false)) {
      return POOL.call(lastHiddenState, ids, end);
    }
  }

  /** {@return whether the network has a projection, for {@link #textEmbeds}} */
  public boolean hasProjection() {
    return textProjection != null;
  }

  /**
   * Returns the embedding of each prompt: the {@linkplain #pooled state at its end token},
   * projected.
   *
   * @param lastHiddenState (B, T, D)
   * @param ids (B, T), int64
   * @return (B, P)
   * @throws IllegalStateException if the network has no projection
   */
  public NDArray textEmbeds(NDArray lastHiddenState, NDArray ids) {
    if (textProjection == null) {
      throw new IllegalStateException("this text model was made without a projection");
    }
    return textProjection.applyAndClose(pooled(lastHiddenState, ids));
  }

  @Override
  protected NDList call(NDList in) {
    NDArray x = positionEmbedding.apply(tokenEmbedding.apply(in.get(0)));
    NDList hidden = new NDList(x);
    for (ClipEncoderLayer layer : layers) {
      x = layer.apply(x);
      hidden.add(x);
    }
    NDList out = new NDList(finalLayerNorm.apply(x));
    out.addAll(hidden);
    return out;
  }
}
