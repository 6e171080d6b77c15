package dev.ablation.djl.internal.checkpoint;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Where the weights of a network lie in a single file with the names of the original code, under
 * the network's prefix. The same table serves reading and writing.
 */
@FunctionalInterface
public interface SingleFileLayout {

  /**
   * The UNet of Rombach et al., also of Stable Diffusion XL, whose layers are counted through all
   * levels.
   */
  SingleFileLayout LDM_UNET = (tensors, weights) -> renamed(weights, new LdmUnet(weights)::name);

  /** The autoencoder of Rombach et al., also of Stable Diffusion 3 and FLUX.1. */
  SingleFileLayout LDM_VAE =
      (tensors, weights) -> {
        int levels = NetworkNames.count(weights, "decoder\\.up_blocks\\.(\\d+)\\..*");
        return renamed(weights, weight -> ldmVae(weight, levels));
      };

  /**
   * OpenCLIP's text tower, which keeps queries, keys and values in one tensor, and layers that are
   * not used. The names begin with {@code model.}.
   */
  SingleFileLayout OPEN_CLIP = SingleFileLayout::openClip;

  /** The names and shapes of the network's own. */
  SingleFileLayout OWN = (tensors, weights) -> renamed(weights, weight -> weight);

  /**
   * Returns what each tensor holds.
   *
   * @param tensors names in the file, without the prefix; empty for a file to be written
   * @param weights names in the network
   * @return name of a tensor, without the prefix, to the pieces of weights in it; none for a tensor
   *     that is passed over
   */
  Map<String, List<TensorPiece>> table(Set<String> tensors, Set<String> weights);

  /**
   * Returns the mapping of tensors with a prefix; others are passed over.
   *
   * @param prefix of the network's tensors
   * @param weights names in the network
   * @return the mapping
   */
  default TensorMapping mapping(String prefix, Set<String> weights) {
    Map<String, List<TensorPiece>> table = new TreeMap<>();
    table(Set.of(), weights).forEach((tensor, pieces) -> table.put(prefix + tensor, pieces));
    return TensorMapping.of(table).ignoring(tensor -> !tensor.startsWith(prefix));
  }

  private static Map<String, List<TensorPiece>> renamed(
      Set<String> weights, UnaryOperator<String> name) {
    Map<String, List<TensorPiece>> table = new TreeMap<>();
    for (String weight : weights) {
      table.put(name.apply(weight), List.of(TensorPiece.whole(weight)));
    }
    return table;
  }

  private static String ldmVae(String weight, int levels) {
    String name =
        weight
            .replace(".conv_norm_out.", ".norm_out.")
            .replace(".conv_shortcut.", ".nin_shortcut.")
            .replace(".mid_block.resnets.0.", ".mid.block_1.")
            .replace(".mid_block.resnets.1.", ".mid.block_2.")
            .replace(".mid_block.attentions.0.", ".mid.attn_1.")
            .replace(".downsamplers.0.conv.", ".downsample.conv.")
            .replace(".upsamplers.0.conv.", ".upsample.conv.")
            .replace(".resnets.", ".block.")
            .replace(".down_blocks.", ".down.");
    if (name.contains(".attn_1.")) {
      name =
          name.replace(".group_norm.", ".norm.")
              .replace(".to_q.", ".q.")
              .replace(".to_k.", ".k.")
              .replace(".to_v.", ".v.")
              .replace(".to_out.0.", ".proj_out.");
    }
    Matcher up = Pattern.compile("decoder\\.up_blocks\\.(\\d+)\\.(.*)").matcher(name);
    return up.matches()
        ? "decoder.up." + (levels - 1 - Integer.parseInt(up.group(1))) + "." + up.group(2)
        : name;
  }

  private static Map<String, List<TensorPiece>> openClip(Set<String> tensors, Set<String> weights) {
    Map<String, List<TensorPiece>> table = new TreeMap<>();
    for (String weight : weights) {
      OpenClip.add(weight, table);
    }
    int layers = NetworkNames.count(weights, "text_model\\.encoder\\.layers\\.(\\d+)\\..*");
    Pattern block = Pattern.compile("model\\.transformer\\.resblocks\\.(\\d+)\\..*");
    for (String tensor : tensors) {
      Matcher matcher = block.matcher(tensor);
      boolean unused = matcher.matches() && Integer.parseInt(matcher.group(1)) >= layers;
      if (unused || tensor.equals(OpenClip.TEXT_PROJECTION)) {
        table.putIfAbsent(tensor, new ArrayList<>());
      }
    }
    return table;
  }
}
