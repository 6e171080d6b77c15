package dev.ablation.djl.dit;

import com.google.errorprone.annotations.CanIgnoreReturnValue;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Where the weights of a transformer lie in a file with the names of the original code, which keeps
 * projections together that are layers of their own here.
 */
public final class SingleFileNames {
  private static final Pattern BLOCK = Pattern.compile("(\\w*transformer_blocks)\\.(\\d+)\\.(.+)");

  private final Map<String, Rows> modules = new HashMap<>();
  private final Map<String, String> blocks = new HashMap<>();
  private final Map<String, Map<String, Rows>> blockModules = new HashMap<>();

  /** Starts without names. */
  public SingleFileNames() {}

  /**
   * A share of a tensor's rows.
   *
   * @param tensor name in the file
   * @param from the share begins at row {@code from / of} of all rows
   * @param to the share ends before row {@code to / of} of all rows
   * @param of a number that divides the rows
   */
  public record Part(String tensor, int from, int to, int of) {}

  /** Rows of a module's tensors; swapped where the file has both halves in the other order. */
  private record Rows(String module, int from, int to, int of, boolean swapped) {}

  /**
   * Names a module outside of blocks.
   *
   * @param module of the network
   * @param inFile its name in the file
   * @return this
   */
  @CanIgnoreReturnValue
  public SingleFileNames module(String module, String inFile) {
    modules.put(module, new Rows(inFile, 0, 1, 1, false));
    return this;
  }

  /**
   * Names a module whose rows have both halves in the other order, shift before scale.
   *
   * @param module of the network, in full where it is in a block
   * @param inFile its name in the file
   * @return this
   */
  @CanIgnoreReturnValue
  public SingleFileNames swapped(String module, String inFile) {
    modules.put(module, new Rows(inFile, 0, 1, 1, true));
    return this;
  }

  /**
   * Names blocks.
   *
   * @param blocks of the network, such as {@code transformer_blocks}
   * @param inFile their name in the file
   * @return this
   */
  @CanIgnoreReturnValue
  public SingleFileNames blocks(String blocks, String inFile) {
    this.blocks.put(blocks, inFile);
    blockModules.put(blocks, new HashMap<>());
    return this;
  }

  /**
   * Names a module of every block.
   *
   * @param blocks see {@link #blocks}
   * @param module of a block
   * @param inFile its name in the file's block
   * @return this
   */
  @CanIgnoreReturnValue
  public SingleFileNames inBlock(String blocks, String module, String inFile) {
    return inBlock(blocks, module, inFile, 0, 1, 1);
  }

  /**
   * Names a module of every block that has a share of the rows of a tensor.
   *
   * @param blocks see {@link #blocks}
   * @param module of a block
   * @param inFile the name of the whole in the file's block
   * @param from see {@link Part}
   * @param to see {@link Part}
   * @param of see {@link Part}
   * @return this
   */
  @CanIgnoreReturnValue
  public SingleFileNames inBlock(
      String blocks, String module, String inFile, int from, int to, int of) {
    Objects.requireNonNull(blockModules.get(blocks), blocks)
        .put(module, new Rows(inFile, from, to, of, false));
    return this;
  }

  /**
   * Finds a weight.
   *
   * @param weight its name in the network
   * @return the rows of it, to be laid one below the other
   * @throws IllegalArgumentException if the names do not cover it
   */
  public List<Part> parts(String weight) {
    int dot = weight.lastIndexOf('.');
    String module = weight.substring(0, Math.max(0, dot));
    String kind = weight.substring(dot + 1);
    Rows rows = modules.get(weight);
    if (rows != null) { // a weight that is no "weight" or "bias"
      return parts(rows, rows.module);
    }
    rows = modules.get(module);
    if (rows != null) {
      return parts(rows, rows.module + "." + kind);
    }
    Matcher block = BLOCK.matcher(module);
    rows = block.matches() ? inBlock(block, kind) : null;
    if (rows == null) {
      throw new IllegalArgumentException("no name in a single file is known for " + weight);
    }
    return parts(rows, rows.module);
  }

  /** Rows with the tensor's full name in place of the module's, or null. */
  private @Nullable Rows inBlock(Matcher block, String kind) {
    Map<String, Rows> ofBlock = blockModules.getOrDefault(block.group(1), Map.of());
    Rows rows = ofBlock.get(block.group(3));
    if (rows == null) {
      return null;
    }
    // The original code calls the weight of a root-mean-square normalisation its scale.
    String tensor = rows.module.endsWith(".scale") ? rows.module : rows.module + "." + kind;
    String name = blocks.get(block.group(1)) + "." + block.group(2) + "." + tensor;
    return new Rows(name, rows.from, rows.to, rows.of, rows.swapped);
  }

  private static List<Part> parts(Rows rows, String tensor) {
    return rows.swapped
        ? List.of(new Part(tensor, 1, 2, 2), new Part(tensor, 0, 1, 2))
        : List.of(new Part(tensor, rows.from, rows.to, rows.of));
  }
}
