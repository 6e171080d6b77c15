package dev.ablation.djl.internal.checkpoint;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The names of a UNet's tensors in the original code, which counts the layers of all levels
 * through.
 */
public final class LdmUnet {
  private static final Pattern BLOCK =
      Pattern.compile("(down|up)_blocks\\.(\\d+)\\.(\\w+)\\.(\\d+)\\.(.*)");

  private static final Map<String, String> OUTSIDE =
      Map.of(
          "time_embedding.linear_1", "time_embed.0",
          "time_embedding.linear_2", "time_embed.2",
          "add_embedding.linear_1", "label_emb.0.0",
          "add_embedding.linear_2", "label_emb.0.2",
          "conv_in", "input_blocks.0.0",
          "conv_norm_out", "out.0",
          "conv_out", "out.2",
          "mid_block.resnets.0", "middle_block.0",
          "mid_block.attentions.0", "middle_block.1",
          "mid_block.resnets.1", "middle_block.2");

  private static final Map<String, String> RESNET =
      Map.of(
          "norm1", "in_layers.0",
          "conv1", "in_layers.2",
          "time_emb_proj", "emb_layers.1",
          "norm2", "out_layers.0",
          "conv2", "out_layers.3",
          "conv_shortcut", "skip_connection");

  private final Set<String> weights;
  private final Map<String, Integer> resnets = new HashMap<>();
  private final Map<Integer, Boolean> attends = new HashMap<>();

  /**
   * Creates the names.
   *
   * @param weights names of all weights of the network
   */
  public LdmUnet(Set<String> weights) {
    this.weights = weights;
  }

  /**
   * Returns the name of a weight in the original code.
   *
   * @param weight its name in the network
   * @return its name there, without a prefix for the network
   */
  public String name(String weight) {
    Matcher block = BLOCK.matcher(weight);
    if (block.matches()) {
      int level = Integer.parseInt(block.group(2));
      int index = Integer.parseInt(block.group(4));
      return block.group(1).equals("down")
          ? down(level, block.group(3), index, block.group(5))
          : up(level, block.group(3), index, block.group(5));
    }
    for (Map.Entry<String, String> module : OUTSIDE.entrySet()) {
      if (weight.startsWith(module.getKey() + ".")) {
        String rest = weight.substring(module.getKey().length() + 1);
        return module.getValue()
            + "."
            + (module.getKey().startsWith("mid_block.resnets") ? resnet(rest) : rest);
      }
    }
    return weight;
  }

  private String down(int level, String kind, int index, String rest) {
    int before = 1;
    for (int i = 0; i < level; i++) {
      before += resnets("down", i) + 1;
    }
    return switch (kind) {
      case "resnets" -> "input_blocks." + (before + index) + ".0." + resnet(rest);
      case "attentions" -> "input_blocks." + (before + index) + ".1." + rest;
      default ->
          "input_blocks."
              + (before + resnets("down", level))
              + ".0."
              + rest.replaceFirst("^conv", "op");
    };
  }

  private String up(int level, String kind, int index, String rest) {
    int before = 0;
    for (int i = 0; i < level; i++) {
      before += resnets("up", i);
    }
    return switch (kind) {
      case "resnets" -> "output_blocks." + (before + index) + ".0." + resnet(rest);
      case "attentions" -> "output_blocks." + (before + index) + ".1." + rest;
      default -> {
        int last = before + resnets("up", level) - 1;
        yield "output_blocks." + last + (attends(level) ? ".2." : ".1.") + rest;
      }
    };
  }

  private boolean attends(int level) {
    return attends.computeIfAbsent(
        level,
        key ->
            weights.stream()
                .anyMatch(name -> name.startsWith("up_blocks." + key + ".attentions.")));
  }

  private int resnets(String way, int level) {
    return resnets.computeIfAbsent(
        way + "_blocks\\." + level + "\\.resnets\\.(\\d+)\\..*",
        pattern -> NetworkNames.count(weights, pattern));
  }

  private static String resnet(String rest) {
    int dot = rest.indexOf('.');
    String module = rest.substring(0, dot);
    return RESNET.getOrDefault(module, module) + rest.substring(dot);
  }
}
