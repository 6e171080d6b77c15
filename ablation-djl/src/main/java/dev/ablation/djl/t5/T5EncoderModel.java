package dev.ablation.djl.t5;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.ablation.djl.nn.Embedding;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.RmsNorm;
import dev.ablation.model.WeightRole;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/**
 * The encoder of T5. There is no mask: padding takes part, as it does where the diffusion
 * transformers were trained.
 *
 * <ul>
 *   <li>input: token ids (B, n), int64
 *   <li>output: text embeddings (B, n, D), after the final normalisation
 * </ul>
 */
public final class T5EncoderModel extends Layer {
  private static final String EMBEDDING = "shared.weight";
  private static final String SAME_EMBEDDING = "encoder.embed_tokens.weight";

  private final T5Config config;
  private final Embedding shared;
  private final List<T5Block> blocks = new ArrayList<>();
  private final RmsNorm finalLayerNorm;

  /**
   * Creates the network; its weights are loaded afterwards.
   *
   * @param config shapes and options
   */
  public T5EncoderModel(T5Config config) {
    this.config = config;
    shared =
        child(
            "shared",
            new Embedding(config.vocabularySize(), config.width()),
            WeightRole.TOKEN_EMBEDDING);
    for (int i = 0; i < config.layers(); i++) {
      blocks.add(textLayer("encoder.block." + i, i, new T5Block(config, i == 0)));
    }
    finalLayerNorm =
        child("encoder.final_layer_norm", new RmsNorm(config.width(), config.epsilon()));
  }

  /** {@return the network's configuration} */
  public T5Config config() {
    return config;
  }

  /**
   * Returns how tensors of published files are named here. The token embedding comes under two
   * names, of which a file has one or both; the decoder of a complete T5 is ignored.
   *
   * @param tensors names of all tensors of the files
   * @return from a tensor's name to the weight's; empty for a tensor that is ignored
   */
  public static Function<String, Optional<String>> naming(Set<String> tensors) {
    boolean both = tensors.contains(EMBEDDING);
    return tensor -> {
      if (tensor.startsWith("decoder.") || tensor.equals("lm_head.weight")) {
        return Optional.empty();
      }
      if (tensor.equals(SAME_EMBEDDING)) {
        return both ? Optional.empty() : Optional.of(EMBEDDING);
      }
      return Optional.of(tensor);
    };
  }

  @Override
  protected NDList call(NDList in) {
    NDArray x = shared.apply(in.get(0));
    NDArray bias = blocks.get(0).positionBias(x);
    for (T5Block block : blocks) {
      x = block.applyAndClose(x, bias);
    }
    return new NDList(finalLayerNorm.applyAndClose(x));
  }
}
