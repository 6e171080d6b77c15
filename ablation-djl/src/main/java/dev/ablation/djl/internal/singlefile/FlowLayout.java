package dev.ablation.djl.internal.singlefile;

import dev.ablation.djl.dit.SingleFileNames;
import dev.ablation.djl.dit.SingleFileNames.Part;
import dev.ablation.djl.flux.FluxSingleFile;
import dev.ablation.djl.internal.checkpoint.SingleFileLayout;
import dev.ablation.djl.internal.checkpoint.TensorPiece;
import dev.ablation.djl.sd3.SD3SingleFile;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The layouts of transformers, whose names {@link SingleFileNames} has. */
final class FlowLayout implements SingleFileLayout {
  static final SingleFileLayout SD3 =
      new FlowLayout(weights -> SD3SingleFile.transformer(blocks(weights)));

  static final SingleFileLayout FLUX = new FlowLayout(weights -> FluxSingleFile.transformer());

  private static final Pattern BLOCK = Pattern.compile("transformer_blocks\\.(\\d+)\\..*");

  private final Function<Set<String>, SingleFileNames> names;

  private FlowLayout(Function<Set<String>, SingleFileNames> names) {
    this.names = names;
  }

  private static int blocks(Set<String> weights) {
    int count = 0;
    for (String weight : weights) {
      Matcher block = BLOCK.matcher(weight);
      if (block.matches()) {
        count = Math.max(count, Integer.parseInt(block.group(1)) + 1);
      }
    }
    return count;
  }

  @Override
  public Map<String, List<TensorPiece>> table(Set<String> tensors, Set<String> weights) {
    SingleFileNames known = names.apply(weights);
    Map<String, List<TensorPiece>> table = new TreeMap<>();
    for (String weight : weights) {
      List<Part> parts = known.parts(weight);
      int places = parts.stream().mapToInt(part -> part.to() - part.from()).sum();
      int place = 0;
      for (Part part : parts) {
        for (int block = part.from(); block < part.to(); block++) {
          table
              .computeIfAbsent(part.tensor(), key -> new ArrayList<>())
              .add(new TensorPiece(weight, block, part.of(), place, places, false));
          place++;
        }
      }
    }
    return table;
  }
}
