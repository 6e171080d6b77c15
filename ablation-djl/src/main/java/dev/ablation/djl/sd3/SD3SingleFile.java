package dev.ablation.djl.sd3;

import dev.ablation.djl.dit.SingleFileNames;

/** Names of Stable Diffusion 3 and 3.5 in single files, as Stability AI publishes them. */
public final class SD3SingleFile {
  /** What the names of the transformer's tensors begin with. */
  public static final String TRANSFORMER = "model.diffusion_model.";

  /** What the names of the autoencoder's tensors begin with, where the file has them. */
  public static final String VAE = "first_stage_model.";

  /** What precedes the names that the tensors of CLIP-L have here, where the file has them. */
  public static final String TEXT_ENCODER = "text_encoders.clip_l.transformer.";

  /** What precedes the names that the tensors of CLIP-G have here, where the file has them. */
  public static final String TEXT_ENCODER_2 = "text_encoders.clip_g.transformer.";

  /** What precedes the names that the tensors of T5 have here, where the file has them. */
  public static final String TEXT_ENCODER_3 = "text_encoders.t5xxl.transformer.";

  private static final String BLOCKS = "transformer_blocks";

  private SD3SingleFile() {}

  /**
   * Returns the names of a transformer's tensors, after {@link #TRANSFORMER}.
   *
   * @param config of the transformer
   * @return the names
   */
  public static SingleFileNames transformer(SD3TransformerConfig config) {
    return transformer(config.layers());
  }

  /**
   * Returns the names of a transformer's tensors, after {@link #TRANSFORMER}.
   *
   * @param layers of the transformer, of which the last one is special
   * @return the names
   */
  public static SingleFileNames transformer(int layers) {
    int last = layers - 1;
    SingleFileNames names =
        new SingleFileNames()
            .module("pos_embed.pos_embed", "pos_embed")
            .module("pos_embed.proj", "x_embedder.proj")
            .module("time_text_embed.timestep_embedder.linear_1", "t_embedder.mlp.0")
            .module("time_text_embed.timestep_embedder.linear_2", "t_embedder.mlp.2")
            .module("time_text_embed.text_embedder.linear_1", "y_embedder.mlp.0")
            .module("time_text_embed.text_embedder.linear_2", "y_embedder.mlp.2")
            .module("context_embedder", "context_embedder")
            .module("proj_out", "final_layer.linear")
            .swapped("norm_out.linear", "final_layer.adaLN_modulation.1")
            .swapped(
                BLOCKS + "." + last + ".norm1_context.linear",
                "joint_blocks." + last + ".context_block.adaLN_modulation.1")
            .blocks(BLOCKS, "joint_blocks");
    attention(names, "attn.to_", "", "attn.norm_", "x_block.attn");
    attention(names, "attn.add_", "_proj", "attn.norm_added_", "context_block.attn");
    attention(names, "attn2.to_", "", "attn2.norm_", "x_block.attn2");
    return names
        .inBlock(BLOCKS, "attn.to_out.0", "x_block.attn.proj")
        .inBlock(BLOCKS, "attn.to_add_out", "context_block.attn.proj")
        .inBlock(BLOCKS, "attn2.to_out.0", "x_block.attn2.proj")
        .inBlock(BLOCKS, "norm1.linear", "x_block.adaLN_modulation.1")
        .inBlock(BLOCKS, "norm1_context.linear", "context_block.adaLN_modulation.1")
        .inBlock(BLOCKS, "ff.net.0.proj", "x_block.mlp.fc1")
        .inBlock(BLOCKS, "ff.net.2", "x_block.mlp.fc2")
        .inBlock(BLOCKS, "ff_context.net.0.proj", "context_block.mlp.fc1")
        .inBlock(BLOCKS, "ff_context.net.2", "context_block.mlp.fc2");
  }

  private static void attention(
      SingleFileNames names, String before, String after, String norm, String inFile) {
    names
        .inBlock(BLOCKS, before + "q" + after, inFile + ".qkv", 0, 1, 3)
        .inBlock(BLOCKS, before + "k" + after, inFile + ".qkv", 1, 2, 3)
        .inBlock(BLOCKS, before + "v" + after, inFile + ".qkv", 2, 3, 3)
        .inBlock(BLOCKS, norm + "q", inFile + ".ln_q")
        .inBlock(BLOCKS, norm + "k", inFile + ".ln_k");
  }
}
