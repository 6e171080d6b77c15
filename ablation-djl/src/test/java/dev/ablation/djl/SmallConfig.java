package dev.ablation.djl;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.ablation.djl.load.JsonConfig;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Configurations of networks that are small enough to be made in a test. */
public final class SmallConfig {
  /** An MM-DiT with dual attention in its first block. */
  public static final String SD3 =
      """
      {"sample_size": 8, "patch_size": 2, "in_channels": 4, "out_channels": 4, "num_layers": 3,
       "attention_head_dim": 4, "num_attention_heads": 2, "joint_attention_dim": 12,
       "caption_projection_dim": 8, "pooled_projection_dim": 6, "pos_embed_max_size": 6,
       "dual_attention_layers": [0], "qk_norm": "rms_norm"}
      """;

  /** A transformer of FLUX.1-dev's form. */
  public static final String FLUX =
      """
      {"in_channels": 16, "num_layers": 1, "num_single_layers": 1, "attention_head_dim": 8,
       "num_attention_heads": 1, "joint_attention_dim": 12, "pooled_projection_dim": 6,
       "guidance_embeds": true, "axes_dims_rope": [2, 2, 4]}
      """;

  /** A T5 encoder. */
  public static final String T5 =
      """
      {"model_type": "t5", "vocab_size": 20, "d_model": 12, "d_kv": 3, "d_ff": 16, "num_layers": 2,
       "num_heads": 2, "feed_forward_proj": "gated-gelu"}
      """;

  private SmallConfig() {}

  /** Writes a configuration with one key changed and reads it. */
  public static JsonConfig with(String json, String key, String value, Path folder) {
    JsonObject object = JsonParser.parseString(json).getAsJsonObject();
    JsonElement parsed = JsonParser.parseString(value);
    object.add(key, parsed);
    return read(object.toString(), folder);
  }

  /** Writes a configuration and reads it. */
  public static JsonConfig read(String json, Path folder) {
    try {
      Path file = folder.resolve("config.json");
      Files.writeString(file, json);
      return JsonConfig.read(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
