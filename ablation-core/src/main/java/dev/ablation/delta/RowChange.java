package dev.ablation.delta;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import com.google.common.base.Preconditions;
import com.google.gson.JsonObject;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * A change of some rows, indices of the first axis, such as the embeddings of a few tokens out of
 * 49,408.
 */
final class RowChange implements Change {
  /** Follows a weight's name in the name of the indices, int64. */
  static final String ROWS = ".rows";

  /** Follows a weight's name in the name of the rows' values. */
  static final String VALUES = ".values";

  static final String FORM = "rows";

  private final long count;
  private final NDArray rows;
  private final NDArray values;

  /**
   * Creates a change.
   *
   * @param count of all rows of the weight
   * @param rows ascending indices, int64
   * @param values one row per index
   */
  RowChange(long count, NDArray rows, NDArray values) {
    this.count = count;
    this.rows = rows;
    this.values = values;
    long before = -1;
    for (long row : rows.toLongArray()) {
      Preconditions.checkArgument(
          row > before && row < count, "rows must ascend and be below %s, was %s", count, row);
      before = row;
    }
    Preconditions.checkArgument(
        values.getShape().dimension() > 1 && values.getShape().get(0) == rows.size(),
        "values must have a row for each of %s indices, were %s",
        rows.size(),
        values.getShape());
  }

  /** Returns the rows that a difference changes; empty if that form is not shorter. */
  static @Nullable Change of(NDArray difference, NDManager owner) {
    Shape shape = difference.getShape();
    if (shape.dimension() < 2 || shape.get(0) < 2 || shape.size() == 0) {
      return null;
    }
    float[] largest;
    try (NDArray absolute = difference.abs();
        NDArray flat = absolute.reshape(shape.get(0), -1);
        NDArray maxima = flat.max(new int[] {1})) {
      largest = maxima.toFloatArray();
    }
    long[] changed =
        LongStream.range(0, largest.length).filter(row -> largest[(int) row] != 0).toArray();
    if (changed.length == 0 || changed.length > largest.length / 2) {
      return null;
    }
    NDArray rows = owner.create(changed);
    NDArray values = difference.get(rows);
    values.attach(owner);
    return new RowChange(shape.get(0), rows, values);
  }

  @Override
  public Shape shape() {
    long[] shape = values.getShape().getShape().clone();
    shape[0] = count;
    return new Shape(shape);
  }

  @Override
  public NDArray full(NDManager owner) {
    NDArray full = owner.zeros(shape());
    addTo(full);
    return full;
  }

  @Override
  public NDArray addedTo(NDArray weight, NDManager owner) {
    NDArray sum = weight.duplicate();
    sum.attach(owner);
    addTo(sum);
    return sum;
  }

  private void addTo(NDArray table) {
    long[] at = rows.toLongArray();
    try (NDManager scope = table.getManager().newSubManager()) {
      NDArray beside = Change.beside(values, table, scope);
      for (int i = 0; i < at.length; i++) {
        try (NDArray row = table.get(at[i]);
            NDArray change = beside.get(i);
            NDArray sum = row.add(change)) {
          table.set(new NDIndex(at[i]), sum);
        }
      }
    }
  }

  @Override
  public Change scaledBy(double factor, NDManager owner) {
    NDArray index = rows.duplicate();
    index.attach(owner);
    NDArray scaled = factor == 1 ? values.duplicate() : values.mul((float) factor);
    scaled.attach(owner);
    return new RowChange(count, index, scaled);
  }

  @Override
  public Map<String, NDArray> arrays(String weight) {
    Map<String, NDArray> arrays = new LinkedHashMap<>();
    arrays.put(weight + ROWS, rows);
    arrays.put(weight + VALUES, values);
    return arrays;
  }

  @Override
  public Optional<JsonObject> form() {
    JsonObject form = new JsonObject();
    form.addProperty("form", FORM);
    form.addProperty("count", count);
    return Optional.of(form);
  }
}
