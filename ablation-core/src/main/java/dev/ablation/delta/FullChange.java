package dev.ablation.delta;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.gson.JsonObject;
import java.util.Map;
import java.util.Optional;

/** A change in full. */
record FullChange(NDArray difference) implements Change {

  /**
   * Takes over a difference, in the shortest exact form: if at most half of the rows change, only
   * those rows.
   */
  static Change of(NDArray difference, NDManager owner) {
    Change rows = RowChange.of(difference, owner);
    if (rows != null) {
      difference.close();
      return rows;
    }
    difference.attach(owner);
    return new FullChange(difference);
  }

  @Override
  public Shape shape() {
    return difference.getShape();
  }

  @Override
  public NDArray full(NDManager owner) {
    return difference;
  }

  @Override
  public NDArray addedTo(NDArray weight, NDManager owner) {
    try (NDManager scope = owner.newSubManager()) {
      NDArray sum = weight.add(Change.beside(difference, weight, scope));
      sum.attach(owner);
      return sum;
    }
  }

  @Override
  public Change scaledBy(double factor, NDManager owner) {
    NDArray scaled = factor == 1 ? difference.duplicate() : difference.mul((float) factor);
    scaled.attach(owner);
    return new FullChange(scaled);
  }

  @Override
  public Map<String, NDArray> arrays(String weight) {
    return Map.of(weight, difference);
  }

  @Override
  public Optional<JsonObject> form() {
    return Optional.empty();
  }
}
