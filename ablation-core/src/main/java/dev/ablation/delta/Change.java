package dev.ablation.delta;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.gson.JsonObject;
import java.util.Map;
import java.util.Optional;

/**
 * How a delta stores the change of one weight: in full, as some rows, as two factors, or as factors
 * of the base weight that other weights share.
 */
sealed interface Change permits FullChange, RowChange, LowRankChange, FactorChange {

  /** The weight's shape. */
  Shape shape();

  /**
   * The change in full, float32.
   *
   * @throws IllegalStateException if it is relative to the base weight
   */
  NDArray full(NDManager owner);

  /** A new array, weight plus change. */
  NDArray addedTo(NDArray weight, NDManager owner);

  /** Whether the change depends on the base weight. */
  default boolean isRelative() {
    return false;
  }

  /** A new array, weight plus the change of the base weight. */
  default NDArray addedTo(NDArray weight, NDArray base, NDManager owner) {
    return addedTo(weight, owner);
  }

  /** Factor times this. */
  Change scaledBy(double factor, NDManager owner);

  /** The tensors of a file, under the weight's name or names that start with it. */
  Map<String, NDArray> arrays(String weight);

  /** The description of the form in a file's header; empty for a change in full. */
  Optional<JsonObject> form();

  /** The same values on another owner. */
  default Change copy(NDManager owner) {
    return scaledBy(1, owner);
  }

  /** The array or a copy on the device of another one; a copy belongs to {@code owner}. */
  static NDArray beside(NDArray array, NDArray other, NDManager owner) {
    NDArray there = array.toDevice(other.getDevice(), false);
    if (there != array) {
      there.attach(owner);
    }
    return there;
  }
}
