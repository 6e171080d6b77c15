package dev.ablation.djl.clip;

import dev.ablation.djl.checkpoint.InvalidCheckpointException;
import dev.ablation.djl.checkpoint.JsonConfig;
import dev.ablation.djl.nn.Activation;

/**
 * Shapes and options of a CLIP text model, as its {@code config.json} has them.
 *
 * @param vocabularySize number of tokens
 * @param hiddenSize D, width of a text embedding
 * @param intermediateSize width inside the feed-forward part
 * @param layers number of transformer layers
 * @param heads number of attention heads
 * @param contextLength T, the number of positions
 * @param activation of the feed-forward part
 * @param layerNormEps of the layer normalisations
 * @param endTokenId the end token; 2 stands for the highest id, as published configurations mean it
 */
public record ClipTextConfig(
    int vocabularySize,
    int hiddenSize,
    int intermediateSize,
    int layers,
    int heads,
    int contextLength,
    Activation activation,
    double layerNormEps,
    int endTokenId) {

  /**
   * Reads a {@code config.json}; absent keys take the default of the published class.
   *
   * @param json of the text encoder's folder
   * @return the configuration
   * @throws InvalidCheckpointException naming the key, if a value does not fit or stands for
   *     something that is not supported
   */
  public static ClipTextConfig of(JsonConfig json) throws InvalidCheckpointException {
    ClipTextConfig config =
        new ClipTextConfig(
            json.positiveIntOr("vocab_size", 49408),
            json.positiveIntOr("hidden_size", 512),
            json.positiveIntOr("intermediate_size", 2048),
            json.positiveIntOr("num_hidden_layers", 12),
            json.positiveIntOr("num_attention_heads", 8),
            json.positiveIntOr("max_position_embeddings", 77),
            activation(json),
            json.doubleOr("layer_norm_eps", 1e-5),
            json.intOr("eos_token_id", 49407));
    if (config.hiddenSize % config.heads != 0) {
      throw json.invalid("num_attention_heads", "a divisor of hidden_size " + config.hiddenSize);
    }
    if (config.contextLength < 2) {
      throw json.invalid("max_position_embeddings", "at least 2, for the start and the end token");
    }
    return config;
  }

  static Activation activation(JsonConfig json) throws InvalidCheckpointException {
    try {
      return Activation.of(json.stringOr("hidden_act", "quick_gelu"));
    } catch (IllegalArgumentException e) {
      throw json.invalid("hidden_act", "supported: " + e.getMessage());
    }
  }
}
