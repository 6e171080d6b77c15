package dev.ablation.djl.t5;

import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.djl.load.JsonConfig;

/** Shapes and options of a T5 encoder, as its {@code config.json} has them. */
public final class T5Config {
  private final int vocabularySize;
  private final int width;
  private final int headWidth;
  private final int innerWidth;
  private final int layers;
  private final int heads;
  private final int positionBuckets;
  private final int maxDistance;
  private final double epsilon;

  private T5Config(JsonConfig json) throws InvalidCheckpointException {
    vocabularySize = json.positiveIntOr("vocab_size", 32128);
    width = json.positiveIntOr("d_model", 512);
    headWidth = json.positiveIntOr("d_kv", 64);
    innerWidth = json.positiveIntOr("d_ff", 2048);
    layers = json.positiveIntOr("num_layers", 6);
    heads = json.positiveIntOr("num_heads", 8);
    positionBuckets = json.positiveIntOr("relative_attention_num_buckets", 32);
    maxDistance = json.positiveIntOr("relative_attention_max_distance", 128);
    epsilon = json.doubleOr("layer_norm_epsilon", 1e-6);
  }

  /**
   * Reads a {@code config.json}; absent keys take the default of the published class.
   *
   * @param json of the text encoder's folder
   * @return the configuration
   * @throws InvalidCheckpointException naming the key, if a value does not fit, it is no T5, or one
   *     of a form that is not supported
   */
  public static T5Config of(JsonConfig json) throws InvalidCheckpointException {
    if (!json.stringOr("model_type", "t5").equals("t5")) {
      throw json.invalid("model_type", "\"t5\"");
    }
    if (!json.stringOr("feed_forward_proj", "relu").equals("gated-gelu")) {
      throw json.invalid(
          "feed_forward_proj", "\"gated-gelu\" as in T5 1.1, which alone is supported");
    }
    T5Config config = new T5Config(json);
    if (config.positionBuckets % 4 != 0) {
      throw json.invalid("relative_attention_num_buckets", "a multiple of 4");
    }
    if (config.maxDistance <= config.positionBuckets / 4) {
      throw json.invalid(
          "relative_attention_max_distance",
          "more than a quarter of relative_attention_num_buckets " + config.positionBuckets);
    }
    return config;
  }

  /** {@return number of tokens} */
  public int vocabularySize() {
    return vocabularySize;
  }

  /** {@return D, the width of a text embedding} */
  public int width() {
    return width;
  }

  /** {@return width of a head; the heads together need not be as wide as a text embedding} */
  public int headWidth() {
    return headWidth;
  }

  /** {@return width inside of the feed-forward part} */
  public int innerWidth() {
    return innerWidth;
  }

  /** {@return number of blocks} */
  public int layers() {
    return layers;
  }

  /** {@return number of heads} */
  public int heads() {
    return heads;
  }

  /** {@return number of classes of distances that have a bias of their own} */
  public int positionBuckets() {
    return positionBuckets;
  }

  /** {@return distance from which all are in the same class} */
  public int maxDistance() {
    return maxDistance;
  }

  /** {@return added to the mean square by the normalisations} */
  public double epsilon() {
    return epsilon;
  }
}
