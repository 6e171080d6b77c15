package dev.ablation.delta;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import com.google.common.base.Preconditions;
import dev.ablation.safetensors.Checksums;
import dev.ablation.safetensors.TensorSource;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A change that many weights share, relative to each: W' = W (I + C), where C has the width D of
 * the axis that it acts on. A closed form finds one for all keys and values, and a delta stores it
 * once. C is one matrix or the product of two slim ones.
 *
 * <p>Holds the given arrays, which must stay open as long as the factor is used.
 */
public final class WeightFactor {
  private static final int NAME_LENGTH = 16;
  private static final List<String> SQUARE = List.of(".change");
  private static final List<String> SLIM = List.of(".left", ".right");

  private final List<NDArray> arrays;
  private final String name;

  private WeightFactor(List<NDArray> arrays, String name) {
    this.arrays = arrays;
    this.name = name;
  }

  /**
   * Takes a change in one matrix.
   *
   * @param change C, float32, shape {@code (D, D)}
   * @return the factor
   * @throws IllegalArgumentException if shape or dtype differ
   */
  public static WeightFactor of(NDArray change) {
    Shape shape = change.getShape();
    Preconditions.checkArgument(
        shape.dimension() == 2 && shape.get(0) == shape.get(1),
        "change must be a square matrix, had shape %s",
        shape);
    return named(List.of(change));
  }

  /**
   * Takes a change in two slim matrices.
   *
   * @param left float32, shape {@code (D, r)}
   * @param right float32, shape {@code (D, r)}; C is {@code left rightᵀ}
   * @return the factor
   * @throws IllegalArgumentException if a shape or dtype differs
   */
  public static WeightFactor of(NDArray left, NDArray right) {
    Preconditions.checkArgument(
        left.getShape().dimension() == 2 && left.getShape().equals(right.getShape()),
        "left and right must be matrices of one shape, had %s and %s",
        left.getShape(),
        right.getShape());
    return named(List.of(left, right));
  }

  /** The name follows from the values, so that equal factors are stored once. */
  private static WeightFactor named(List<NDArray> arrays) {
    Map<String, String> lines = new LinkedHashMap<>();
    for (NDArray array : arrays) {
      Preconditions.checkArgument(
          array.getDataType() == DataType.FLOAT32,
          "a factor must be float32, was %s",
          array.getDataType());
      try {
        lines.put("array " + lines.size(), Checksums.of(TensorSource.of(array)));
      } catch (IOException e) {
        throw new UncheckedIOException(e); // an array in memory is read
      }
    }
    return new WeightFactor(
        arrays, "factor." + Checksums.of(lines).substring(0, NAME_LENGTH));
  }

  /** {@return D, the length of the axis that the factor acts on} */
  public long width() {
    return arrays.get(0).getShape().get(0);
  }

  /** {@return C, or its two slim matrices} */
  public List<NDArray> arrays() {
    return arrays;
  }

  /** What a file calls the factor. */
  String name() {
    return name;
  }

  /** The names of the tensors of a factor in a file. */
  static List<String> tensors(String name, boolean slim) {
    return (slim ? SLIM : SQUARE).stream().map(part -> name + part).toList();
  }

  boolean isSlim() {
    return arrays.size() == 2;
  }

  /** The same values in other arrays. */
  WeightFactor in(List<NDArray> copies) {
    return new WeightFactor(List.copyOf(copies), name);
  }
}
