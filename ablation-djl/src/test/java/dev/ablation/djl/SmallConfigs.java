package dev.ablation.djl;

import dev.ablation.djl.clip.ClipTextConfig;
import dev.ablation.djl.load.JsonConfig;
import dev.ablation.djl.vae.VaeConfig;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Collections;
import java.util.List;

/** Configurations of networks of a few weights. */
public final class SmallConfigs {
  private SmallConfigs() {}

  /** Returns an autoencoder of colour images to two channels, with attention. */
  public static VaeConfig vae(int channels, int levels) {
    try {
      return VaeConfig.of(
          JsonConfig.empty()
              .with("latent_channels", 2)
              .with("block_out_channels", Collections.nCopies(levels, channels))
              .with("down_block_types", Collections.nCopies(levels, "DownEncoderBlock2D"))
              .with("up_block_types", Collections.nCopies(levels, "UpDecoderBlock2D"))
              .with("norm_num_groups", 2)
              .with("scaling_factor", 1));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Returns a text model of one layer and 300 tokens. */
  public static ClipTextConfig text() {
    try {
      return ClipTextConfig.of(
          JsonConfig.empty()
              .with("vocab_size", 300)
              .with("hidden_size", 16)
              .with("intermediate_size", 32)
              .with("num_hidden_layers", 1)
              .with("num_attention_heads", 2)
              .with("max_position_embeddings", 8)
              .with("eos_token_id", 299));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Returns the values of a UNet's file for two levels, the lower one with attention. */
  public static JsonConfig unet() {
    return JsonConfig.empty()
        .with("sample_size", 8)
        .with("block_out_channels", List.of(4, 8))
        .with("down_block_types", List.of("DownBlock2D", "CrossAttnDownBlock2D"))
        .with("up_block_types", List.of("CrossAttnUpBlock2D", "UpBlock2D"))
        .with("layers_per_block", 1)
        .with("cross_attention_dim", 6)
        .with("attention_head_dim", List.of(1, 2))
        .with("transformer_layers_per_block", List.of(1, 2))
        .with("norm_num_groups", 2)
        .with("use_linear_projection", true);
  }
}
