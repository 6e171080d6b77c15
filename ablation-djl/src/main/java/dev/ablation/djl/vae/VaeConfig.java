package dev.ablation.djl.vae;

import dev.ablation.djl.checkpoint.InvalidCheckpointException;
import dev.ablation.djl.checkpoint.JsonConfig;
import dev.ablation.djl.nn.Activation;
import dev.ablation.djl.nn.ResnetBlock2D.ResnetSettings;
import java.util.List;

/**
 * Shapes and options of an autoencoder, as its {@code config.json} has them.
 *
 * @param inChannels channels of an image
 * @param outChannels channels of a decoded image
 * @param latentChannels channels of the latents
 * @param blockOutChannels channels of each level, from the largest resolution to the smallest
 * @param layersPerBlock residual blocks of each encoder level; one more in the decoder
 * @param normNumGroups groups of the group normalisations
 * @param activation of the residual blocks; the last layers always use SiLU, as published
 * @param midAttention whether the middle blocks have attention
 * @param useQuantConv whether the encoder ends in a 1x1 convolution of the moments
 * @param usePostQuantConv whether the decoder begins with a 1x1 convolution
 * @param scalingFactor latents are multiplied by it for the denoising network
 * @param shiftFactor subtracted from the latents before scaling
 */
public record VaeConfig(
    int inChannels,
    int outChannels,
    int latentChannels,
    List<Integer> blockOutChannels,
    int layersPerBlock,
    int normNumGroups,
    Activation activation,
    boolean midAttention,
    boolean useQuantConv,
    boolean usePostQuantConv,
    double scalingFactor,
    double shiftFactor) {
  static final double EPSILON = 1e-6;

  /** Copies the list. */
  public VaeConfig {
    blockOutChannels = List.copyOf(blockOutChannels);
  }

  /**
   * Reads a {@code config.json}; absent keys take the default of the published class.
   *
   * @param json of the autoencoder's folder
   * @return the configuration
   * @throws InvalidCheckpointException naming the key, if a value does not fit or stands for
   *     something that is not supported
   */
  public static VaeConfig of(JsonConfig json) throws InvalidCheckpointException {
    List<Integer> channels =
        json.has("block_out_channels") ? json.requireInts("block_out_channels") : List.of(64);
    if (channels.isEmpty() || channels.stream().anyMatch(value -> value < 1)) {
      throw json.invalid("block_out_channels", "a list of positive integers");
    }
    checkTypes(json, "down_block_types", channels.size(), "DownEncoderBlock2D");
    checkTypes(json, "up_block_types", channels.size(), "UpDecoderBlock2D");
    for (String key : List.of("latents_mean", "latents_std")) {
      if (json.has(key)) {
        throw json.invalid(key, "absent or null: this library does not support the option");
      }
    }
    Activation activation;
    try {
      activation = Activation.of(json.stringOr("act_fn", "silu"));
    } catch (IllegalArgumentException e) {
      throw json.invalid("act_fn", "supported: " + e.getMessage());
    }
    double scaling = json.doubleOr("scaling_factor", 0.18215);
    if (scaling == 0) {
      throw json.invalid("scaling_factor", "not zero");
    }
    return new VaeConfig(
        json.positiveIntOr("in_channels", 3),
        json.positiveIntOr("out_channels", 3),
        json.positiveIntOr("latent_channels", 4),
        channels,
        json.positiveIntOr("layers_per_block", 1),
        json.positiveIntOr("norm_num_groups", 32),
        activation,
        json.boolOr("mid_block_add_attention", true),
        json.boolOr("use_quant_conv", true),
        json.boolOr("use_post_quant_conv", true),
        scaling,
        json.doubleOr("shift_factor", 0));
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
}
