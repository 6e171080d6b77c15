package dev.ablation.djl.unet;

import dev.ablation.djl.checkpoint.InvalidCheckpointException;
import dev.ablation.djl.checkpoint.JsonConfig;
import dev.ablation.djl.nn.Activation;
import dev.ablation.djl.nn.ResnetBlock2D.ResnetSettings;
import java.util.List;

/**
 * Shapes and options of a UNet, as its {@code config.json} has them. Lists have one entry a level,
 * from the largest resolution to the smallest.
 *
 * @param inChannels channels of the noised latents
 * @param outChannels channels of the prediction
 * @param sampleSize height and width of the latents that the network was trained for
 * @param blockOutChannels channels of each level
 * @param downAttention whether each level of the way down has attention
 * @param upAttention whether each block of the way up has attention, from the smallest resolution
 * @param layersPerBlock residual blocks of each level on the way down; one more on the way up
 * @param crossAttentionDim D, the width of a text embedding
 * @param attentionHeads number of heads of each level (the published key is {@code
 *     attention_head_dim}, a historic misnomer)
 * @param transformerLayersPerBlock transformer layers of each level
 * @param useLinearProjection whether transformers project tokens instead of pixels
 * @param normNumGroups groups of the group normalisations
 * @param normEps of the group normalisations outside transformers
 * @param activation of residual blocks and time embedding
 * @param flipSinToCos whether cosines come first in the time features
 * @param freqShift of the time features
 * @param downsamplePadding of the downsampling convolutions
 * @param midBlockScaleFactor divides the sums of the middle block
 * @param convInKernel size of the first convolution
 * @param convOutKernel size of the last convolution
 * @param timeWidth width of the time embedding
 */
public record UNetConfig(
    int inChannels,
    int outChannels,
    int sampleSize,
    List<Integer> blockOutChannels,
    List<Boolean> downAttention,
    List<Boolean> upAttention,
    List<Integer> layersPerBlock,
    int crossAttentionDim,
    List<Integer> attentionHeads,
    List<Integer> transformerLayersPerBlock,
    boolean useLinearProjection,
    int normNumGroups,
    double normEps,
    Activation activation,
    boolean flipSinToCos,
    double freqShift,
    int downsamplePadding,
    double midBlockScaleFactor,
    int convInKernel,
    int convOutKernel,
    int timeWidth) {

  /** Copies the lists. */
  public UNetConfig {
    blockOutChannels = List.copyOf(blockOutChannels);
    downAttention = List.copyOf(downAttention);
    upAttention = List.copyOf(upAttention);
    layersPerBlock = List.copyOf(layersPerBlock);
    attentionHeads = List.copyOf(attentionHeads);
    transformerLayersPerBlock = List.copyOf(transformerLayersPerBlock);
  }

  /**
   * Reads a {@code config.json}; absent keys take the default of the published class.
   *
   * @param json of the UNet's folder
   * @return the configuration
   * @throws InvalidCheckpointException naming the key, if a value is missing, does not fit or
   *     stands for something that is not supported
   */
  public static UNetConfig of(JsonConfig json) throws InvalidCheckpointException {
    List<Integer> channels = listOr(json, "block_out_channels", List.of(320, 640, 1280, 1280));
    if (channels.get(0) % 2 != 0) {
      throw json.invalid("block_out_channels", "even at its beginning, for sines and cosines");
    }
    int levels = channels.size();
    refuseUnsupported(json, levels);
    List<String> down = stringsOr(json, "down_block_types", DEFAULT_DOWN);
    List<String> up = stringsOr(json, "up_block_types", DEFAULT_UP);
    List<Integer> heads =
        perLevel(
            json,
            json.has("num_attention_heads") ? "num_attention_heads" : "attention_head_dim",
            levels,
            8);
    return new UNetConfig(
        json.positiveIntOr("in_channels", 4),
        json.positiveIntOr("out_channels", 4),
        sampleSize(json),
        channels,
        attention(json, "down_block_types", down, levels, "DownBlock2D", "CrossAttnDownBlock2D"),
        attention(json, "up_block_types", up, levels, "UpBlock2D", "CrossAttnUpBlock2D"),
        perLevel(json, "layers_per_block", levels, 2),
        json.positiveIntOr("cross_attention_dim", 1280),
        heads,
        perLevel(json, "transformer_layers_per_block", levels, 1),
        json.boolOr("use_linear_projection", false),
        json.positiveIntOr("norm_num_groups", 32),
        json.doubleOr("norm_eps", 1e-5),
        activation(json),
        json.boolOr("flip_sin_to_cos", true),
        json.doubleOr("freq_shift", 0),
        padding(json),
        json.doubleOr("mid_block_scale_factor", 1),
        kernelSize(json, "conv_in_kernel"),
        kernelSize(json, "conv_out_kernel"),
        json.positiveIntOr("time_embedding_dim", channels.get(0) * 4));
  }

  private static final List<String> DEFAULT_DOWN =
      List.of(
          "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D");
  private static final List<String> DEFAULT_UP =
      List.of("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D");

  private static List<Integer> listOr(JsonConfig json, String key, List<Integer> otherwise)
      throws InvalidCheckpointException {
    List<Integer> values = json.has(key) ? json.requireInts(key) : otherwise;
    if (values.isEmpty() || values.stream().anyMatch(value -> value < 1)) {
      throw json.invalid(key, "a list of positive integers");
    }
    return values;
  }

  private static List<Integer> perLevel(JsonConfig json, String key, int levels, int otherwise)
      throws InvalidCheckpointException {
    List<Integer> values = json.intsOr(key, levels, otherwise);
    if (values.stream().anyMatch(value -> value < 1)) {
      throw json.invalid(key, "positive");
    }
    return values;
  }

  private static int padding(JsonConfig json) throws InvalidCheckpointException {
    int padding = json.intOr("downsample_padding", 1);
    if (padding < 0) {
      throw json.invalid("downsample_padding", "not negative");
    }
    return padding;
  }

  private static int kernelSize(JsonConfig json, String key) throws InvalidCheckpointException {
    int size = json.positiveIntOr(key, 3);
    if (size % 2 == 0) {
      throw json.invalid(key, "odd");
    }
    return size;
  }

  private static List<String> stringsOr(JsonConfig json, String key, List<String> otherwise)
      throws InvalidCheckpointException {
    return json.has(key) ? json.requireStrings(key) : otherwise;
  }

  private static int sampleSize(JsonConfig json) throws InvalidCheckpointException {
    if (!json.has("sample_size")) {
      throw json.invalid("sample_size", "given, since the published class has no default for it");
    }
    return json.positiveIntOr("sample_size", 1);
  }

  private static List<Boolean> attention(
      JsonConfig json, String key, List<String> types, int levels, String without, String with)
      throws InvalidCheckpointException {
    if (types.size() != levels) {
      throw json.invalid(key, "a list of " + levels + " types, one for each of block_out_channels");
    }
    for (String type : types) {
      if (!type.equals(without) && !type.equals(with)) {
        throw json.invalid(key, "a list of " + without + " and " + with);
      }
    }
    return types.stream().map(with::equals).toList();
  }

  private static Activation activation(JsonConfig json) throws InvalidCheckpointException {
    try {
      return Activation.of(json.stringOr("act_fn", "silu"));
    } catch (IllegalArgumentException e) {
      throw json.invalid("act_fn", "supported: " + e.getMessage());
    }
  }

  /** Options that published Stable Diffusion 1.x and 2.x networks do not use. */
  private static void refuseUnsupported(JsonConfig json, int levels)
      throws InvalidCheckpointException {
    for (String key :
        List.of(
            "addition_embed_type",
            "class_embed_type",
            "encoder_hid_dim",
            "encoder_hid_dim_type",
            "num_class_embeds",
            "time_cond_proj_dim",
            "timestep_post_act",
            "time_embedding_act_fn",
            "cross_attention_norm",
            "reverse_transformer_layers_per_block")) {
      if (json.has(key)) {
        throw json.invalid(key, "absent or null: this library does not support the option");
      }
    }
    for (String key :
        List.of(
            "center_input_sample",
            "dual_cross_attention",
            "class_embeddings_concat",
            "resnet_skip_time_act",
            "mid_block_only_cross_attention")) {
      if (json.boolOr(key, false)) {
        throw json.invalid(key, "false: this library does not support the option");
      }
    }
    if (json.boolsOr("only_cross_attention", levels, false).contains(true)) {
      throw json.invalid("only_cross_attention", "false: this library does not support the option");
    }
    if (json.keys().contains("mid_block_type") && !json.has("mid_block_type")) {
      // The one key where null is not the default: the published class leaves the block out.
      throw json.invalid("mid_block_type", "'UNetMidBlock2DCrossAttn', not null");
    }
    requireText(json, "mid_block_type", "UNetMidBlock2DCrossAttn");
    requireText(json, "resnet_time_scale_shift", "default");
    requireText(json, "time_embedding_type", "positional");
    requireText(json, "attention_type", "default");
  }

  private static void requireText(JsonConfig json, String key, String only)
      throws InvalidCheckpointException {
    if (!json.stringOr(key, only).equals(only)) {
      throw json.invalid(key, "'" + only + "', the only value that this library supports");
    }
  }

  int levels() {
    return blockOutChannels.size();
  }

  int channels(int level) {
    return blockOutChannels.get(level);
  }

  int layersPerBlock(int level) {
    return layersPerBlock.get(level);
  }

  int heads(int level) {
    return attentionHeads.get(level);
  }

  int transformerLayers(int level) {
    return transformerLayersPerBlock.get(level);
  }

  boolean downAttention(int level) {
    return downAttention.get(level);
  }

  boolean upAttention(int index) {
    return upAttention.get(index);
  }

  ResnetSettings resnet() {
    return new ResnetSettings(normNumGroups, normEps, activation, 1);
  }

  ResnetSettings midResnet() {
    return new ResnetSettings(normNumGroups, normEps, activation, midBlockScaleFactor);
  }
}
