package dev.ablation.djl.flux;

import dev.ablation.djl.dit.SingleFileNames;

/** Names of FLUX.1's transformer in single files, as Black Forest Labs publishes them. */
public final class FluxSingleFile {
  private static final String DOUBLE = "transformer_blocks";
  private static final String SINGLE = "single_transformer_blocks";

  /** A single block's first tensor has queries, keys, values and four times as many rows more. */
  private static final int LINEAR_1_ROWS = 7;

  private FluxSingleFile() {}

  /** {@return the names of the transformer's tensors, which have no prefix} */
  public static SingleFileNames transformer() {
    SingleFileNames names =
        new SingleFileNames()
            .module("context_embedder", "txt_in")
            .module("x_embedder", "img_in")
            .module("proj_out", "final_layer.linear")
            .swapped("norm_out.linear", "final_layer.adaLN_modulation.1")
            .blocks(DOUBLE, "double_blocks")
            .blocks(SINGLE, "single_blocks");
    embedding(names, "timestep_embedder", "time_in");
    embedding(names, "text_embedder", "vector_in");
    embedding(names, "guidance_embedder", "guidance_in");
    stream(names, "attn.to_", "", "attn.norm_", "img_attn");
    stream(names, "attn.add_", "_proj", "attn.norm_added_", "txt_attn");
    names
        .inBlock(DOUBLE, "attn.to_out.0", "img_attn.proj")
        .inBlock(DOUBLE, "attn.to_add_out", "txt_attn.proj")
        .inBlock(DOUBLE, "norm1.linear", "img_mod.lin")
        .inBlock(DOUBLE, "norm1_context.linear", "txt_mod.lin")
        .inBlock(DOUBLE, "ff.net.0.proj", "img_mlp.0")
        .inBlock(DOUBLE, "ff.net.2", "img_mlp.2")
        .inBlock(DOUBLE, "ff_context.net.0.proj", "txt_mlp.0")
        .inBlock(DOUBLE, "ff_context.net.2", "txt_mlp.2");
    return names
        .inBlock(SINGLE, "attn.to_q", "linear1", 0, 1, LINEAR_1_ROWS)
        .inBlock(SINGLE, "attn.to_k", "linear1", 1, 2, LINEAR_1_ROWS)
        .inBlock(SINGLE, "attn.to_v", "linear1", 2, 3, LINEAR_1_ROWS)
        .inBlock(SINGLE, "proj_mlp", "linear1", 3, LINEAR_1_ROWS, LINEAR_1_ROWS)
        .inBlock(SINGLE, "proj_out", "linear2")
        .inBlock(SINGLE, "norm.linear", "modulation.lin")
        .inBlock(SINGLE, "attn.norm_q", "norm.query_norm.scale")
        .inBlock(SINGLE, "attn.norm_k", "norm.key_norm.scale");
  }

  private static void embedding(SingleFileNames names, String module, String inFile) {
    names
        .module("time_text_embed." + module + ".linear_1", inFile + ".in_layer")
        .module("time_text_embed." + module + ".linear_2", inFile + ".out_layer");
  }

  private static void stream(
      SingleFileNames names, String before, String after, String norm, String inFile) {
    names
        .inBlock(DOUBLE, before + "q" + after, inFile + ".qkv", 0, 1, 3)
        .inBlock(DOUBLE, before + "k" + after, inFile + ".qkv", 1, 2, 3)
        .inBlock(DOUBLE, before + "v" + after, inFile + ".qkv", 2, 3, 3)
        .inBlock(DOUBLE, norm + "q", inFile + ".norm.query_norm.scale")
        .inBlock(DOUBLE, norm + "k", inFile + ".norm.key_norm.scale");
  }
}
