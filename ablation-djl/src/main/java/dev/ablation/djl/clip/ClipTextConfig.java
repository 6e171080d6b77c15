package dev.ablation.djl.clip;

import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.djl.load.JsonConfig;
import dev.ablation.djl.nn.Activation;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Shapes and options of a CLIP text model, as its {@code config.json} has them.
 *
 * <p>Made from JSON alone, of a file or of {@link JsonConfig#parse}; {@link JsonConfig#with}
 * changes a value. Equal where all values are.
 */
public final class ClipTextConfig {
  private final int vocabularySize;
  private final int hiddenSize;
  private final int intermediateSize;
  private final int layers;
  private final int heads;
  private final int contextLength;
  private final Activation activation;
  private final double layerNormEps;
  private final int endTokenId;

  private ClipTextConfig(JsonConfig json) throws InvalidCheckpointException {
    vocabularySize = json.positiveIntOr("vocab_size", 49408);
    hiddenSize = json.positiveIntOr("hidden_size", 512);
    intermediateSize = json.positiveIntOr("intermediate_size", 2048);
    layers = json.positiveIntOr("num_hidden_layers", 12);
    heads = json.positiveIntOr("num_attention_heads", 8);
    contextLength = json.positiveIntOr("max_position_embeddings", 77);
    activation = activation(json);
    layerNormEps = json.doubleOr("layer_norm_eps", 1e-5);
    endTokenId = json.intOr("eos_token_id", 49407);
    if (hiddenSize % heads != 0) {
      throw json.invalid("num_attention_heads", "a divisor of hidden_size " + hiddenSize);
    }
    if (contextLength < 2) {
      throw json.invalid("max_position_embeddings", "at least 2, for the start and the end token");
    }
  }

  /**
   * Reads a {@code config.json}; absent keys take the default of the published class.
   *
   * @param json of the text encoder's folder
   * @return the configuration
   * @throws InvalidCheckpointException naming the key, if a value is invalid or not supported
   */
  public static ClipTextConfig of(JsonConfig json) throws InvalidCheckpointException {
    // A whole CLIP, of which the published pipeline takes the text encoder.
    return new ClipTextConfig(json.has("text_config") ? json.section("text_config") : json);
  }

  static Activation activation(JsonConfig json) throws InvalidCheckpointException {
    try {
      return Activation.of(json.stringOr("hidden_act", "quick_gelu"));
    } catch (IllegalArgumentException e) {
      throw json.invalid("hidden_act", "supported: " + e.getMessage());
    }
  }

  /** {@return number of tokens} */
  public int vocabularySize() {
    return vocabularySize;
  }

  /** {@return D, width of a text embedding} */
  public int hiddenSize() {
    return hiddenSize;
  }

  /** {@return width inside the feed-forward part} */
  public int intermediateSize() {
    return intermediateSize;
  }

  /** {@return number of transformer layers} */
  public int layers() {
    return layers;
  }

  /** {@return number of attention heads} */
  public int heads() {
    return heads;
  }

  /** {@return T, the number of positions} */
  public int contextLength() {
    return contextLength;
  }

  /** {@return of the feed-forward part} */
  public Activation activation() {
    return activation;
  }

  /** {@return of the layer normalisations} */
  public double layerNormEps() {
    return layerNormEps;
  }

  /** {@return the end token; 2 means the highest id, as in published configurations} */
  public int endTokenId() {
    return endTokenId;
  }

  private List<Object> values() {
    return List.of(
        vocabularySize,
        hiddenSize,
        intermediateSize,
        layers,
        heads,
        contextLength,
        activation,
        layerNormEps,
        endTokenId);
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof ClipTextConfig config && values().equals(config.values());
  }

  @Override
  public int hashCode() {
    return values().hashCode();
  }

  @Override
  public String toString() {
    return "ClipTextConfig" + values();
  }
}
