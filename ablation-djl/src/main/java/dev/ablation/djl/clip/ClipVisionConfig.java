package dev.ablation.djl.clip;

import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.djl.load.JsonConfig;
import dev.ablation.djl.nn.Activation;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Shapes and options of a CLIP vision model, as {@code vision_config} of its {@code config.json}
 * has them.
 *
 * <p>Made from JSON alone, of a file or of {@link JsonConfig#parse}; {@link JsonConfig#with}
 * changes a value. Equal where all values are.
 */
public final class ClipVisionConfig {
  private final int hiddenSize;
  private final int intermediateSize;
  private final int layers;
  private final int heads;
  private final int imageSize;
  private final int patchSize;
  private final int channels;
  private final Activation activation;
  private final double layerNormEps;
  private final List<Integer> stemChannels;

  private ClipVisionConfig(JsonConfig json) throws InvalidCheckpointException {
    hiddenSize = json.positiveIntOr("hidden_size", 768);
    intermediateSize = json.positiveIntOr("intermediate_size", 3072);
    layers = json.positiveIntOr("num_hidden_layers", 12);
    heads = json.positiveIntOr("num_attention_heads", 12);
    imageSize = json.positiveIntOr("image_size", 224);
    patchSize = json.positiveIntOr("patch_size", 32);
    channels = json.positiveIntOr("num_channels", 3);
    activation = ClipTextConfig.activation(json);
    layerNormEps = json.doubleOr("layer_norm_eps", 1e-5);
    stemChannels = json.has("stem_channels") ? json.requireInts("stem_channels") : List.of();
    check(json);
  }

  private void check(JsonConfig json) throws InvalidCheckpointException {
    if (hiddenSize % heads != 0) {
      throw json.invalid("num_attention_heads", "a divisor of hidden_size " + hiddenSize);
    }
    if (imageSize < patchSize) {
      throw json.invalid("image_size", "at least patch_size " + patchSize);
    }
    if (channels != 3) {
      throw json.invalid("num_channels", "3, for red, green and blue");
    }
    int stem = stemChannels.size();
    if (stem > 0
        && (1L << Math.min(stem, 31) != patchSize
            || imageSize % patchSize != 0
            || stemChannels.stream().anyMatch(c -> c < 1 || c % 8 != 0))) {
      throw json.invalid(
          "stem_channels",
          "multiples of 8, as many as it takes to halve patch_size %d to 1, with image_size a multiple of patch_size"
              .formatted(patchSize));
    }
  }

  /**
   * Reads a {@code vision_config}; absent keys take the default of the published class.
   *
   * @param json the section
   * @return the configuration
   * @throws InvalidCheckpointException naming the key, if a value does not fit
   */
  public static ClipVisionConfig of(JsonConfig json) throws InvalidCheckpointException {
    return new ClipVisionConfig(json);
  }

  /** {@return patches in a row of patches} */
  public int grid() {
    return imageSize / patchSize;
  }

  /** {@return D, width of a patch's state} */
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

  /** {@return height and width of the input in pixels, a multiple of {@code patchSize}} */
  public int imageSize() {
    return imageSize;
  }

  /** {@return height and width of a patch in pixels} */
  public int patchSize() {
    return patchSize;
  }

  /** {@return of the input, 3 for colour} */
  public int channels() {
    return channels;
  }

  /** {@return of the feed-forward part and of a convolutional stem} */
  public Activation activation() {
    return activation;
  }

  /** {@return of the layer normalisations} */
  public double layerNormEps() {
    return layerNormEps;
  }

  /**
   * {@return empty for the published models, whose patches are embedded by one linear map; else the
   * output channels of a stem of 3x3 convolutions of stride 2 (Xiao et al. 2021, arXiv 2106.14881),
   * as many as it takes to shrink a patch to a pixel, each a multiple of 8. Key {@code
   * stem_channels}, which other libraries do not know.}
   */
  public List<Integer> stemChannels() {
    return stemChannels;
  }

  private List<Object> values() {
    return List.of(
        hiddenSize,
        intermediateSize,
        layers,
        heads,
        imageSize,
        patchSize,
        channels,
        activation,
        layerNormEps,
        stemChannels);
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof ClipVisionConfig config && values().equals(config.values());
  }

  @Override
  public int hashCode() {
    return values().hashCode();
  }

  @Override
  public String toString() {
    return "ClipVisionConfig" + values();
  }
}
