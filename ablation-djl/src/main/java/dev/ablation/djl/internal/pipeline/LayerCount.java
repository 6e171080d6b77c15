package dev.ablation.djl.internal.pipeline;

import dev.ablation.djl.load.JsonConfig;
import dev.ablation.internal.StrictJson.JsonNumber;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** How many layers a configuration asks for; each has at least one tensor. */
final class LayerCount {
  private static final List<String> STACKS =
      List.of("num_hidden_layers", "num_layers", "num_single_layers");

  private LayerCount() {}

  /**
   * Counts layers, before any is built.
   *
   * @param json a configuration whose single values were checked
   * @return at most the number of layers of the network
   */
  static long of(JsonConfig json) {
    double layers = 0;
    for (String stack : STACKS) {
      layers += number(json.value(stack), 0, 0);
    }
    if (json.value("block_out_channels") instanceof List<?> blocks) {
      for (int i = 0; i < blocks.size(); i++) {
        layers +=
            number(json.value("layers_per_block"), i, 1)
                * number(json.value("transformer_layers_per_block"), i, 1);
      }
    }
    return (long) layers;
  }

  /** The value for a block: a number for all, one of a list, or the sum of a list of it. */
  private static double number(@Nullable Object value, int block, double otherwise) {
    if (value instanceof JsonNumber number) {
      return Math.max(0, Double.parseDouble(number.literal()));
    }
    if (value instanceof Number number) { // set by the library
      return Math.max(0, number.doubleValue());
    }
    if (value instanceof List<?> list && block < list.size()) {
      return list.get(block) instanceof List<?> ofBlock
          ? ofBlock.stream().mapToDouble(each -> number(each, 0, 0)).sum()
          : number(list.get(block), 0, otherwise);
    }
    return otherwise;
  }
}
