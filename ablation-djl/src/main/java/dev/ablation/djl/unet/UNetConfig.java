package dev.ablation.djl.unet;

import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.djl.load.JsonConfig;
import dev.ablation.djl.nn.Activation;
import dev.ablation.djl.nn.ResnetBlock2D.ResnetSettings;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Shapes and options of a UNet, as its {@code config.json} has them. Lists have one entry a level,
 * from the largest resolution to the smallest.
 *
 * <p>Made from JSON alone, of a file or of {@link JsonConfig#parse}; {@link JsonConfig#with}
 * changes a value. Equal where all values are.
 */
public final class UNetConfig {
  private static final List<String> DEFAULT_DOWN =
      List.of(
          "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D");
  private static final List<String> DEFAULT_UP =
      List.of("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D");

  private final int inChannels;
  private final int outChannels;
  private final int sampleSize;
  private final List<Integer> blockOutChannels;
  private final List<Boolean> downAttention;
  private final List<Boolean> upAttention;
  private final List<Integer> layersPerBlock;
  private final int crossAttentionDim;
  private final List<Integer> attentionHeads;
  private final List<Integer> transformerLayersPerBlock;
  private final boolean useLinearProjection;
  private final int normNumGroups;
  private final double normEps;
  private final Activation activation;
  private final boolean flipSinToCos;
  private final double freqShift;
  private final int downsamplePadding;
  private final double midBlockScaleFactor;
  private final int convInKernel;
  private final int convOutKernel;
  private final int timeWidth;
  private final int additionTimeWidth;
  private final int additionWidth;

  private UNetConfig(JsonConfig json) throws InvalidCheckpointException {
    blockOutChannels = listOr(json, "block_out_channels", List.of(320, 640, 1280, 1280));
    if (blockOutChannels.get(0) % 2 != 0) {
      throw json.invalid("block_out_channels", "even at its beginning, for sines and cosines");
    }
    int levels = blockOutChannels.size();
    refuseUnsupported(json, levels);
    List<String> down = stringsOr(json, "down_block_types", DEFAULT_DOWN);
    List<String> up = stringsOr(json, "up_block_types", DEFAULT_UP);
    attentionHeads = perLevel(json, headsKey(json), levels, 8);
    inChannels = json.positiveIntOr("in_channels", 4);
    outChannels = json.positiveIntOr("out_channels", 4);
    sampleSize = sampleSize(json);
    downAttention =
        attention(json, "down_block_types", down, levels, "DownBlock2D", "CrossAttnDownBlock2D");
    upAttention = attention(json, "up_block_types", up, levels, "UpBlock2D", "CrossAttnUpBlock2D");
    layersPerBlock = perLevel(json, "layers_per_block", levels, 2);
    crossAttentionDim = json.positiveIntOr("cross_attention_dim", 1280);
    transformerLayersPerBlock = perLevel(json, "transformer_layers_per_block", levels, 1);
    useLinearProjection = json.boolOr("use_linear_projection", false);
    normNumGroups = json.positiveIntOr("norm_num_groups", 32);
    normEps = json.doubleOr("norm_eps", 1e-5);
    activation = activation(json);
    flipSinToCos = json.boolOr("flip_sin_to_cos", true);
    freqShift = json.doubleOr("freq_shift", 0);
    downsamplePadding = padding(json);
    midBlockScaleFactor = json.doubleOr("mid_block_scale_factor", 1);
    convInKernel = kernelSize(json, "conv_in_kernel");
    convOutKernel = kernelSize(json, "conv_out_kernel");
    timeWidth = json.positiveIntOr("time_embedding_dim", blockOutChannels.get(0) * 4);
    boolean adds = requireTextTime(json);
    additionTimeWidth = adds ? even(json, "addition_time_embed_dim") : 0;
    additionWidth = adds ? json.requireInt("projection_class_embeddings_input_dim") : 0;
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
    return new UNetConfig(json);
  }

  private static List<Integer> listOr(JsonConfig json, String key, List<Integer> otherwise)
      throws InvalidCheckpointException {
    List<Integer> values = json.has(key) ? json.requireInts(key) : otherwise;
    if (values.isEmpty() || values.stream().anyMatch(value -> value < 1)) {
      throw json.invalid(key, "a list of positive integers");
    }
    return values;
  }

  private static String headsKey(JsonConfig json) {
    return json.has("num_attention_heads") ? "num_attention_heads" : "attention_head_dim";
  }

  /** Whether there are added conditions. */
  private static boolean requireTextTime(JsonConfig json) throws InvalidCheckpointException {
    if (json.has("addition_embed_type")
        && !json.requireString("addition_embed_type").equals("text_time")) {
      throw json.invalid(
          "addition_embed_type",
          "absent, null or 'text_time': this library does not support the option");
    }
    return json.has("addition_embed_type");
  }

  private static int even(JsonConfig json, String key) throws InvalidCheckpointException {
    int value = json.requireInt(key);
    if (value < 2 || value % 2 != 0) {
      throw json.invalid(key, "positive and even, for sines and cosines");
    }
    return value;
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

  /** {@return whether a pooled text embedding and some numbers are added to the time embedding} */
  public boolean hasAddedConditions() {
    return additionTimeWidth > 0;
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

  /** {@return channels of the noised latents} */
  public int inChannels() {
    return inChannels;
  }

  /** {@return channels of the prediction} */
  public int outChannels() {
    return outChannels;
  }

  /** {@return height and width of the latents that the network was trained for} */
  public int sampleSize() {
    return sampleSize;
  }

  /** {@return channels of each level} */
  public List<Integer> blockOutChannels() {
    return blockOutChannels;
  }

  /** {@return whether each level of the way down has attention} */
  public List<Boolean> downAttention() {
    return downAttention;
  }

  /** {@return whether each block of the way up has attention, from the smallest resolution} */
  public List<Boolean> upAttention() {
    return upAttention;
  }

  /** {@return residual blocks of each level on the way down; one more on the way up} */
  public List<Integer> layersPerBlock() {
    return layersPerBlock;
  }

  /** {@return D, the width of a text embedding} */
  public int crossAttentionDim() {
    return crossAttentionDim;
  }

  /**
   * {@return number of heads of each level (the published key is {@code attention_head_dim}, a
   * historic misnomer)}
   */
  public List<Integer> attentionHeads() {
    return attentionHeads;
  }

  /** {@return transformer layers of each level} */
  public List<Integer> transformerLayersPerBlock() {
    return transformerLayersPerBlock;
  }

  /** {@return whether transformers project tokens instead of pixels} */
  public boolean useLinearProjection() {
    return useLinearProjection;
  }

  /** {@return groups of the group normalisations} */
  public int normNumGroups() {
    return normNumGroups;
  }

  /** {@return of the group normalisations outside transformers} */
  public double normEps() {
    return normEps;
  }

  /** {@return of residual blocks and time embedding} */
  public Activation activation() {
    return activation;
  }

  /** {@return whether cosines come first in the time features} */
  public boolean flipSinToCos() {
    return flipSinToCos;
  }

  /** {@return of the time features} */
  public double freqShift() {
    return freqShift;
  }

  /** {@return of the downsampling convolutions} */
  public int downsamplePadding() {
    return downsamplePadding;
  }

  /** {@return divides the sums of the middle block} */
  public double midBlockScaleFactor() {
    return midBlockScaleFactor;
  }

  /** {@return size of the first convolution} */
  public int convInKernel() {
    return convInKernel;
  }

  /** {@return size of the last convolution} */
  public int convOutKernel() {
    return convOutKernel;
  }

  /** {@return width of the time embedding} */
  public int timeWidth() {
    return timeWidth;
  }

  /**
   * {@return width of the features of each added number, such as a size; 0 for a network without
   * added conditions ({@code addition_embed_type} null instead of {@code text_time})}
   */
  public int additionTimeWidth() {
    return additionTimeWidth;
  }

  /**
   * {@return width of pooled text embedding and features of all added numbers together, the input
   * of the added embedding; 0 for a network without}
   */
  public int additionWidth() {
    return additionWidth;
  }

  private List<Object> values() {
    return List.of(
        inChannels,
        outChannels,
        sampleSize,
        blockOutChannels,
        downAttention,
        upAttention,
        layersPerBlock,
        crossAttentionDim,
        attentionHeads,
        transformerLayersPerBlock,
        useLinearProjection,
        normNumGroups,
        normEps,
        activation,
        flipSinToCos,
        freqShift,
        downsamplePadding,
        midBlockScaleFactor,
        convInKernel,
        convOutKernel,
        timeWidth,
        additionTimeWidth,
        additionWidth);
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof UNetConfig config && values().equals(config.values());
  }

  @Override
  public int hashCode() {
    return values().hashCode();
  }

  @Override
  public String toString() {
    return "UNetConfig" + values();
  }
}
