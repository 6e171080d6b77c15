package dev.ablation.djl.vae;

import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.djl.load.JsonConfig;
import dev.ablation.djl.nn.Activation;
import dev.ablation.djl.nn.ResnetBlock2D.ResnetSettings;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Shapes and options of an autoencoder, as its {@code config.json} has them.
 *
 * <p>Made from JSON alone, of a file or of {@link JsonConfig#parse}; {@link JsonConfig#with}
 * changes a value. Equal where all values are.
 */
public final class VaeConfig {
  static final double EPSILON = 1e-6;

  private final int inChannels;
  private final int outChannels;
  private final int latentChannels;
  private final List<Integer> blockOutChannels;
  private final int layersPerBlock;
  private final int normNumGroups;
  private final Activation activation;
  private final boolean midAttention;
  private final boolean useQuantConv;
  private final boolean usePostQuantConv;
  private final double scalingFactor;
  private final double shiftFactor;
  private final int sampleSize;
  private final boolean forceUpcast;
  private final List<Double> latentsMean;
  private final List<Double> latentsStd;

  private VaeConfig(JsonConfig json) throws InvalidCheckpointException {
    blockOutChannels =
        json.has("block_out_channels") ? json.requireInts("block_out_channels") : List.of(64);
    if (blockOutChannels.isEmpty() || blockOutChannels.stream().anyMatch(value -> value < 1)) {
      throw json.invalid("block_out_channels", "a list of positive integers");
    }
    checkTypes(json, "down_block_types", blockOutChannels.size(), "DownEncoderBlock2D");
    checkTypes(json, "up_block_types", blockOutChannels.size(), "UpDecoderBlock2D");
    try {
      activation = Activation.of(json.stringOr("act_fn", "silu"));
    } catch (IllegalArgumentException e) {
      throw json.invalid("act_fn", "supported: " + e.getMessage());
    }
    inChannels = json.positiveIntOr("in_channels", 3);
    outChannels = json.positiveIntOr("out_channels", 3);
    latentChannels = json.positiveIntOr("latent_channels", 4);
    layersPerBlock = json.positiveIntOr("layers_per_block", 1);
    normNumGroups = json.positiveIntOr("norm_num_groups", 32);
    midAttention = json.boolOr("mid_block_add_attention", true);
    useQuantConv = json.boolOr("use_quant_conv", true);
    usePostQuantConv = json.boolOr("use_post_quant_conv", true);
    scalingFactor = json.doubleOr("scaling_factor", 0.18215);
    if (scalingFactor == 0) {
      throw json.invalid("scaling_factor", "not zero");
    }
    shiftFactor = json.doubleOr("shift_factor", 0);
    sampleSize = json.positiveIntOr("sample_size", 32);
    forceUpcast = json.boolOr("force_upcast", true);
    latentsMean = statistics(json, "latents_mean", "latents_std");
    latentsStd = statistics(json, "latents_std", "latents_mean");
    if (latentsStd.stream().anyMatch(value -> !(value > 0))) {
      throw json.invalid("latents_std", "positive");
    }
  }

  private List<Double> statistics(JsonConfig json, String key, String other)
      throws InvalidCheckpointException {
    if (!json.has(key) && !json.has(other)) {
      return List.of();
    }
    List<Double> values = json.requireDoubles(key);
    if (values.size() != latentChannels) {
      throw json.invalid(key, "a list of " + latentChannels + " numbers, one for each channel");
    }
    return List.copyOf(values);
  }

  /**
   * Reads a {@code config.json}; absent keys take the default of the published class.
   *
   * @param json of the autoencoder's folder
   * @return the configuration
   * @throws InvalidCheckpointException naming the key, if a value is invalid or not supported
   */
  public static VaeConfig of(JsonConfig json) throws InvalidCheckpointException {
    return new VaeConfig(json);
  }

  private static void checkTypes(JsonConfig json, String key, int levels, String only)
      throws InvalidCheckpointException {
    List<String> types = json.has(key) ? json.requireStrings(key) : List.of(only);
    if (types.size() != levels || types.stream().anyMatch(type -> !type.equals(only))) {
      throw json.invalid(
          key, "a list of " + levels + " times " + only + ", one for each of block_out_channels");
    }
  }

  /** {@return how many pixels of an image one latent pixel covers in each direction} */
  public int downscaling() {
    return 1 << (blockOutChannels.size() - 1);
  }

  ResnetSettings resnet() {
    return new ResnetSettings(normNumGroups, EPSILON, activation, 1);
  }

  /**
   * {@return whether the autoencoder overflows in float16, as SDXL's does, so that it computes in
   * float32 where the model computes in float16}
   */
  public boolean forceUpcast() {
    return forceUpcast;
  }

  /** {@return channels of an image} */
  public int inChannels() {
    return inChannels;
  }

  /** {@return channels of a decoded image} */
  public int outChannels() {
    return outChannels;
  }

  /** {@return channels of the latents} */
  public int latentChannels() {
    return latentChannels;
  }

  /** {@return channels of each level, from the largest resolution to the smallest} */
  public List<Integer> blockOutChannels() {
    return blockOutChannels;
  }

  /** {@return residual blocks of each encoder level; one more in the decoder} */
  public int layersPerBlock() {
    return layersPerBlock;
  }

  /** {@return groups of the group normalisations} */
  public int normNumGroups() {
    return normNumGroups;
  }

  /** {@return of the residual blocks; the last layers always use SiLU, as published} */
  public Activation activation() {
    return activation;
  }

  /** {@return whether the middle blocks have attention} */
  public boolean midAttention() {
    return midAttention;
  }

  /** {@return whether the encoder ends in a 1x1 convolution of the moments} */
  public boolean useQuantConv() {
    return useQuantConv;
  }

  /** {@return whether the decoder starts with a 1x1 convolution} */
  public boolean usePostQuantConv() {
    return usePostQuantConv;
  }

  /** {@return latents are multiplied by it for the denoising network} */
  public double scalingFactor() {
    return scalingFactor;
  }

  /** {@return subtracted from the latents before scaling} */
  public double shiftFactor() {
    return shiftFactor;
  }

  /** {@return height and width of the images that it was trained on, in pixels} */
  public int sampleSize() {
    return sampleSize;
  }

  /** {@return the mean of each channel of the latents before scaling; empty for none} */
  public List<Double> latentsMean() {
    return latentsMean;
  }

  /**
   * {@return the deviation of each channel, by which the latents are divided before scaling; as
   * many as {@link #latentsMean()}}
   */
  public List<Double> latentsStd() {
    return latentsStd;
  }

  private List<Object> values() {
    return List.of(
        inChannels,
        outChannels,
        latentChannels,
        blockOutChannels,
        layersPerBlock,
        normNumGroups,
        activation,
        midAttention,
        useQuantConv,
        usePostQuantConv,
        scalingFactor,
        shiftFactor,
        sampleSize,
        forceUpcast,
        latentsMean,
        latentsStd);
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof VaeConfig config && values().equals(config.values());
  }

  @Override
  public int hashCode() {
    return values().hashCode();
  }

  @Override
  public String toString() {
    return "VaeConfig" + values();
  }
}
