package dev.ablation.djl.flux;

import dev.ablation.djl.dit.AttentionSettings;
import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.djl.load.JsonConfig;
import java.util.List;

/** Shapes and options of a FLUX.1 transformer, as its {@code config.json} has them. */
public final class FluxTransformerConfig {
  private static final String AXES = "axes_dims_rope";

  private final int inChannels;
  private final int outChannels;
  private final int layers;
  private final int singleLayers;
  private final AttentionSettings attention;
  private final int jointAttentionDim;
  private final int pooledProjectionDim;
  private final boolean guidanceEmbeds;
  private final List<Integer> axesDimsRope;

  private FluxTransformerConfig(JsonConfig json) throws InvalidCheckpointException {
    inChannels = json.positiveIntOr("in_channels", 64);
    outChannels = json.positiveIntOr("out_channels", inChannels);
    layers = json.positiveIntOr("num_layers", 19);
    singleLayers = json.positiveIntOr("num_single_layers", 38);
    attention =
        new AttentionSettings(
            json.positiveIntOr("num_attention_heads", 24),
            json.positiveIntOr("attention_head_dim", 128),
            true);
    jointAttentionDim = json.positiveIntOr("joint_attention_dim", 4096);
    pooledProjectionDim = json.positiveIntOr("pooled_projection_dim", 768);
    guidanceEmbeds = json.boolOr("guidance_embeds", false);
    axesDimsRope = json.has(AXES) ? json.requireInts(AXES) : List.of(16, 56, 56);
  }

  /**
   * Reads a {@code config.json}; absent keys take the default of the published class.
   *
   * @param json of the transformer's folder
   * @return the configuration
   * @throws InvalidCheckpointException naming the key, if a value does not fit or stands for
   *     something that is not supported
   */
  public static FluxTransformerConfig of(JsonConfig json) throws InvalidCheckpointException {
    FluxTransformerConfig config = new FluxTransformerConfig(json);
    if (json.positiveIntOr("patch_size", 1) != 1) {
      throw json.invalid("patch_size", "1, the only value that this library supports");
    }
    List<Integer> axes = config.axesDimsRope;
    int headWidth = config.attention.headWidth();
    if (axes.size() != 3
        || axes.stream().anyMatch(axis -> axis < 2 || axis % 2 != 0)
        || axes.stream().mapToInt(Integer::intValue).sum() != headWidth) {
      throw json.invalid(
          AXES, "3 even positive integers with the sum attention_head_dim, " + headWidth);
    }
    return config;
  }

  /** {@return width of a packed latent} */
  public int inChannels() {
    return inChannels;
  }

  /** {@return width of a packed prediction} */
  public int outChannels() {
    return outChannels;
  }

  /** {@return number of blocks with separate streams} */
  public int layers() {
    return layers;
  }

  /** {@return number of blocks with one stream, after the others} */
  public int singleLayers() {
    return singleLayers;
  }

  /** {@return size of the attention of every block} */
  public AttentionSettings attention() {
    return attention;
  }

  /** {@return C, the width of a token inside of the network} */
  public int width() {
    return attention.width();
  }

  /** {@return D, the width of a text embedding} */
  public int jointAttentionDim() {
    return jointAttentionDim;
  }

  /** {@return P, the width of the pooled text embedding} */
  public int pooledProjectionDim() {
    return pooledProjectionDim;
  }

  /** {@return whether the network takes a guidance scale, as FLUX.1-dev does} */
  public boolean guidanceEmbeds() {
    return guidanceEmbeds;
  }

  /** {@return how much of a head's width each of the three position ids turns} */
  public List<Integer> axesDimsRope() {
    return axesDimsRope;
  }
}
