package dev.ablation.djl.sd3;

import dev.ablation.djl.dit.AttentionSettings;
import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.djl.load.JsonConfig;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/** Shapes and options of an MM-DiT, as its {@code config.json} has them. */
public final class SD3TransformerConfig {
  private final int sampleSize;
  private final int patchSize;
  private final int inChannels;
  private final int outChannels;
  private final int layers;
  private final AttentionSettings attention;
  private final int jointAttentionDim;
  private final int pooledProjectionDim;
  private final int posEmbedMaxSize;
  private final Set<Integer> dualAttentionLayers;

  private SD3TransformerConfig(JsonConfig json) throws InvalidCheckpointException {
    sampleSize = json.positiveIntOr("sample_size", 128);
    patchSize = json.positiveIntOr("patch_size", 2);
    inChannels = json.positiveIntOr("in_channels", 16);
    outChannels = json.positiveIntOr("out_channels", 16);
    layers = json.positiveIntOr("num_layers", 18);
    attention =
        new AttentionSettings(
            json.positiveIntOr("num_attention_heads", 18),
            json.positiveIntOr("attention_head_dim", 64),
            qkNorm(json));
    jointAttentionDim = json.positiveIntOr("joint_attention_dim", 4096);
    pooledProjectionDim = json.positiveIntOr("pooled_projection_dim", 2048);
    posEmbedMaxSize = json.positiveIntOr("pos_embed_max_size", 96);
    dualAttentionLayers = dualAttentionLayers(json, layers);
  }

  /**
   * Reads a {@code config.json}; absent keys take the default of the published class.
   *
   * @param json of the transformer's folder
   * @return the configuration
   * @throws InvalidCheckpointException naming the key, if a value does not fit or stands for
   *     something that is not supported
   */
  public static SD3TransformerConfig of(JsonConfig json) throws InvalidCheckpointException {
    SD3TransformerConfig config = new SD3TransformerConfig(json);
    if (json.positiveIntOr("caption_projection_dim", 1152) != config.width()) {
      throw json.invalid(
          "caption_projection_dim",
          "num_attention_heads times attention_head_dim, " + config.width());
    }
    return config;
  }

  private static boolean qkNorm(JsonConfig json) throws InvalidCheckpointException {
    if (json.has("qk_norm") && !json.requireString("qk_norm").equals("rms_norm")) {
      throw json.invalid("qk_norm", "null or \"rms_norm\", which this library supports");
    }
    return json.has("qk_norm");
  }

  private static Set<Integer> dualAttentionLayers(JsonConfig json, int layers)
      throws InvalidCheckpointException {
    String key = "dual_attention_layers";
    List<Integer> indices = json.has(key) ? json.requireInts(key) : List.of();
    if (indices.stream().anyMatch(index -> index < 0 || index >= layers)) {
      throw json.invalid(key, "a list of indices of the " + layers + " layers");
    }
    return Set.copyOf(indices);
  }

  /** {@return height and width of the latents that the network was trained for} */
  public int sampleSize() {
    return sampleSize;
  }

  /** {@return height and width of the square of latents that becomes one token} */
  public int patchSize() {
    return patchSize;
  }

  /** {@return channels of the noised latents} */
  public int inChannels() {
    return inChannels;
  }

  /** {@return channels of the prediction} */
  public int outChannels() {
    return outChannels;
  }

  /** {@return number of blocks} */
  public int layers() {
    return layers;
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

  /** {@return height and width of the table of positions, in tokens} */
  public int posEmbedMaxSize() {
    return posEmbedMaxSize;
  }

  /**
   * {@return the blocks in which the image has a second attention over itself, in ascending order}
   */
  public Set<Integer> dualAttentionLayers() {
    return new TreeSet<>(dualAttentionLayers);
  }
}
