package dev.ablation.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import com.google.common.base.Preconditions;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A change of a weight in two factors: {@code scale * B A}. For a linear weight (out, in) A is (r,
 * in) and B is (out, r); for a convolution (out, in, h, w) A is (r, in, h, w), a convolution to r
 * channels, and B is (out, r, 1, 1).
 *
 * @param down A, float32
 * @param up B, float32
 * @param scale scale of the product, alpha / r
 */
public record LoraFactors(NDArray down, NDArray up, double scale) {
  /** Suffix of a weight's name in the name of its A. */
  public static final String DOWN = ".lora_A";

  /** Suffix of a weight's name in the name of its B. */
  public static final String UP = ".lora_B";

  /** Checks that the shapes match. */
  public LoraFactors {
    Shape a = down.getShape();
    Shape b = up.getShape();
    Preconditions.checkArgument(
        a.dimension() >= 2
            && a.dimension() == b.dimension()
            && a.get(0) == b.get(1)
            && b.size() == b.get(0) * b.get(1),
        "factors must be (r, in, ...) and (out, r, 1, ...), were %s and %s",
        a,
        b);
    Preconditions.checkArgument(
        Float.isFinite((float) scale), "scale must be finite in float32, was %s", scale);
  }

  /** {@return r} */
  public int rank() {
    return Math.toIntExact(down.getShape().get(0));
  }

  /** {@return the shape of the weight that they change} */
  public Shape shape() {
    long[] shape = down.getShape().getShape().clone();
    shape[0] = up.getShape().get(0);
    return new Shape(shape);
  }

  /**
   * Computes {@code scale * B A}; gradients flow through it where they are recorded.
   *
   * @param owner of the result
   * @return of the weight's shape, float32
   */
  public NDArray product(NDManager owner) {
    long rank = rank();
    // The factor is made in the engine: a number would be in a Java buffer, which may be freed
    // before the backward pass reads it.
    try (NDArray factor = owner.full(new Shape(), (float) scale, DataType.FLOAT32);
        NDArray b = up.reshape(up.getShape().get(0), rank);
        NDArray a = down.reshape(rank, -1);
        NDArray flat = b.matMul(a);
        NDArray scaled = flat.mul(factor)) {
      NDArray product = scaled.reshape(shape());
      product.attach(owner);
      return product;
    }
  }

  /**
   * Finds the factors among the arrays of a session of low-rank training.
   *
   * @param arrays named as in {@link LoraTraining#train}, both factors of each weight
   * @param scale of all of them
   * @return name of a weight to its change, in the order of the arrays
   * @throws IllegalArgumentException if an array is not a factor, or its counterpart is missing
   */
  public static Map<String, LoraFactors> pairs(Map<String, NDArray> arrays, double scale) {
    Map<String, LoraFactors> pairs = new LinkedHashMap<>();
    arrays.forEach((name, down) -> {
      if (name.endsWith(DOWN)) {
        String weight = name.substring(0, name.length() - DOWN.length());
        NDArray up = arrays.get(weight + UP);
        Preconditions.checkArgument(up != null, "'%s' must come with '%s'", name, weight + UP);
        pairs.put(weight, new LoraFactors(down, up, scale));
      }
    });
    Preconditions.checkArgument(
        2 * pairs.size() == arrays.size(),
        "arrays must be pairs named ...%s and ...%s, were %s",
        DOWN,
        UP,
        arrays.keySet());
    return pairs;
  }

  /**
   * Returns the shape of A.
   *
   * @param weight shape of the weight, at least two dimensions
   * @param rank r
   * @return (r, in, ...)
   */
  public static Shape downShape(Shape weight, int rank) {
    long[] shape = checked(weight).getShape().clone();
    shape[0] = rank;
    return new Shape(shape);
  }

  /**
   * Returns the shape of B.
   *
   * @param weight shape of the weight, at least two dimensions
   * @param rank r
   * @return (out, r, 1, ...)
   */
  public static Shape upShape(Shape weight, int rank) {
    long[] shape = new long[checked(weight).dimension()];
    Arrays.fill(shape, 1);
    shape[0] = weight.get(0);
    shape[1] = rank;
    return new Shape(shape);
  }

  private static Shape checked(Shape weight) {
    Preconditions.checkArgument(
        weight.dimension() >= 2, "a weight of shape %s has no low-rank form", weight);
    return weight;
  }
}
