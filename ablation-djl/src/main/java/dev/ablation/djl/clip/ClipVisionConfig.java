package dev.ablation.djl.clip;

import dev.ablation.djl.checkpoint.InvalidCheckpointException;
import dev.ablation.djl.checkpoint.JsonConfig;
import dev.ablation.djl.nn.Activation;
import java.util.List;

/**
 * Shapes and options of a CLIP vision model, as {@code vision_config} of its {@code config.json}
 * has them.
 *
 * @param hiddenSize D, width of a patch's state
 * @param intermediateSize width inside the feed-forward part
 * @param layers number of transformer layers
 * @param heads number of attention heads
 * @param imageSize height and width of the input in pixels, a multiple of {@code patchSize}
 * @param patchSize height and width of a patch in pixels
 * @param channels of the input, 3 for colour
 * @param activation of the feed-forward part and of a convolutional stem
 * @param layerNormEps of the layer normalisations
 * @param stemChannels empty for the published models, whose patches are embedded by one linear map;
 *     else the output channels of a stem of 3x3 convolutions of stride 2 (Xiao et al. 2021, arXiv
 *     2106.14881), as many as it takes to shrink a patch to a pixel, each a multiple of 8. Key
 *     {@code stem_channels}, which other libraries do not know.
 */
public record ClipVisionConfig(
    int hiddenSize,
    int intermediateSize,
    int layers,
    int heads,
    int imageSize,
    int patchSize,
    int channels,
    Activation activation,
    double layerNormEps,
    List<Integer> stemChannels) {

  /** Copies the list. */
  public ClipVisionConfig {
    stemChannels = List.copyOf(stemChannels);
  }

  /**
   * Reads a {@code vision_config}; absent keys take the default of the published class.
   *
   * @param json the section
   * @return the configuration
   * @throws InvalidCheckpointException naming the key, if a value does not fit
   */
  public static ClipVisionConfig of(JsonConfig json) throws InvalidCheckpointException {
    ClipVisionConfig config =
        new ClipVisionConfig(
            json.positiveIntOr("hidden_size", 768),
            json.positiveIntOr("intermediate_size", 3072),
            json.positiveIntOr("num_hidden_layers", 12),
            json.positiveIntOr("num_attention_heads", 12),
            json.positiveIntOr("image_size", 224),
            json.positiveIntOr("patch_size", 32),
            json.positiveIntOr("num_channels", 3),
            ClipTextConfig.activation(json),
            json.doubleOr("layer_norm_eps", 1e-5),
            json.has("stem_channels") ? json.requireInts("stem_channels") : List.of());
    if (config.hiddenSize % config.heads != 0) {
      throw json.invalid("num_attention_heads", "a divisor of hidden_size " + config.hiddenSize);
    }
    if (config.imageSize < config.patchSize) {
      throw json.invalid("image_size", "at least patch_size " + config.patchSize);
    }
    if (config.channels != 3) {
      throw json.invalid("num_channels", "3, for red, green and blue");
    }
    int stem = config.stemChannels.size();
    if (stem > 0
        && (1L << Math.min(stem, 31) != config.patchSize
            || config.imageSize % config.patchSize != 0
            || config.stemChannels.stream().anyMatch(c -> c < 1 || c % 8 != 0))) {
      throw json.invalid(
          "stem_channels",
          "multiples of 8, as many as it takes to halve patch_size %d to 1, with image_size a multiple of patch_size"
              .formatted(config.patchSize));
    }
    return config;
  }

  /** {@return patches in a row of patches} */
  public int grid() {
    return imageSize / patchSize;
  }
}
