package dev.ablation.djl.internal.checkpoint;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The names of OpenCLIP's text tower for those of transformers. */
final class OpenClip {
  private static final Pattern LAYER =
      Pattern.compile("text_model\\.encoder\\.layers\\.(\\d+)\\.(.*)\\.(weight|bias)");

  private static final Map<String, String> MODULES =
      Map.of(
          "layer_norm1", "ln_1",
          "layer_norm2", "ln_2",
          "self_attn.out_proj", "attn.out_proj",
          "mlp.fc1", "mlp.c_fc",
          "mlp.fc2", "mlp.c_proj");

  private static final Map<String, String> OTHERS =
      Map.of(
          "text_model.embeddings.token_embedding.weight", "model.token_embedding.weight",
          "text_model.embeddings.position_embedding.weight", "model.positional_embedding",
          "text_model.final_layer_norm.weight", "model.ln_final.weight",
          "text_model.final_layer_norm.bias", "model.ln_final.bias");

  /** Only networks with a projection have it as a weight, transposed. */
  static final String TEXT_PROJECTION = "model.text_projection";

  private OpenClip() {}

  /** Adds what a weight is made of; a weight that OpenCLIP does not have stays missing. */
  static void add(String weight, Map<String, List<TensorPiece>> table) {
    if (weight.equals("text_projection.weight")) {
      put(TEXT_PROJECTION, TensorPiece.whole(weight).transpose(), table);
      return;
    }
    Matcher layer = LAYER.matcher(weight);
    if (!layer.matches()) {
      put(OTHERS.getOrDefault(weight, weight), TensorPiece.whole(weight), table);
      return;
    }
    String block = "model.transformer.resblocks." + layer.group(1) + ".";
    String module = layer.group(2);
    int projection =
        Arrays.asList("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj").indexOf(module);
    if (projection >= 0) {
      put(
          block + "attn.in_proj_" + layer.group(3),
          TensorPiece.split(weight, projection, 3),
          table);
    } else {
      put(
          block + MODULES.getOrDefault(module, module) + "." + layer.group(3),
          TensorPiece.whole(weight),
          table);
    }
  }

  private static void put(String tensor, TensorPiece piece, Map<String, List<TensorPiece>> table) {
    table.computeIfAbsent(tensor, key -> new ArrayList<>()).add(piece);
  }
}
