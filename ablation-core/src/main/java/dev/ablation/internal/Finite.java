package dev.ablation.internal;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;

/** Checks numbers that a file brings. */
public final class Finite {
  private Finite() {}

  /**
   * Returns the largest magnitude of an array.
   *
   * @param array floating-point
   * @param what its name, for the message
   * @return not negative; 0 for an array without elements
   * @throws IllegalArgumentException if a value is NaN or infinite
   */
  public static float largest(NDArray array, String what) {
    if (array.size() == 0) {
      return 0;
    }
    try (NDArray magnitude = array.abs();
        NDArray most = magnitude.max();
        NDArray number = most.toType(DataType.FLOAT32, true)) {
      float largest = number.getFloat();
      if (!Float.isFinite(largest)) {
        throw new IllegalArgumentException(
            "'%s' must hold finite numbers, has %s".formatted(what, largest));
      }
      return largest;
    }
  }

  /**
   * Checks that the product of two factors cannot overflow float32.
   *
   * @param down the factor A
   * @param up the factor B
   * @param rank how many products are added
   * @param scale of the product
   * @param what name of the weight, for the message
   * @throws IllegalArgumentException if a value is not finite, or their product might not be
   */
  public static void checkProduct(NDArray down, NDArray up, long rank, double scale, String what) {
    double largest =
        Math.abs(scale) * rank * (double) largest(down, what) * (double) largest(up, what);
    if (!Float.isFinite((float) scale) || !Float.isFinite((float) largest)) {
      throw new IllegalArgumentException(
          "the scale of '%s' must keep its change finite, was %s".formatted(what, scale));
    }
  }
}
