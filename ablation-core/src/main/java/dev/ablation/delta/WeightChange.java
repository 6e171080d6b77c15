package dev.ablation.delta;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import com.google.common.base.Preconditions;
import dev.ablation.model.LoraFactors;
import java.util.List;

/**
 * How a trainer changes one weight: by a new value, a difference, some rows of a difference, two low-rank
 * factors, or a factor of the weight itself. A {@link WeightDelta} stores it in the shortest exact form.
 *
 * <p>A change does not own its arrays: they must stay open until a delta has been created from it.
 * All arrays are float32 unless stated otherwise, on any device. Several weights may refer to the
 * same array.
 *
 * {@snippet class="dev.ablation.Snippets" region="trainer"}
 */
public abstract sealed class WeightChange {
  private WeightChange() {}

  /**
   * Replaces the weight.
   *
   * @param weight the new value, in the weight's shape
   * @return the change, stored as the difference from the base model's weight
   */
  public static WeightChange replacing(NDArray weight) {
    return new Replacing(weight);
  }

  /**
   * Adds a difference to the weight.
   *
   * @param difference in the weight's shape
   * @return the change
   */
  public static WeightChange adding(NDArray difference) {
    return new Adding(new FullChange(difference), List.of(difference));
  }

  /**
   * Adds a difference to some rows of the weight, such as those of a few tokens in a table of
   * embeddings.
   *
   * @param count number of rows of the weight
   * @param rows ascending indices of the first axis, int64, shape (n)
   * @param values the difference of each of these rows, shape (n, ...)
   * @return the change
   * @throws IllegalArgumentException if the rows are not ascending, out of range, or differ in
   *     number from the values
   */
  public static WeightChange addingRows(long count, NDArray rows, NDArray values) {
    Preconditions.checkArgument(
        rows.getDataType() == DataType.INT64, "rows must be int64, was %s", rows.getDataType());
    return new Adding(new RowChange(count, rows, values), List.of(values));
  }

  /**
   * Adds the product of two factors to the weight.
   *
   * @param factors of the weight's shape
   * @return the change
   */
  public static WeightChange lowRank(LoraFactors factors) {
    return new Adding(new LowRankChange(factors), List.of(factors.down(), factors.up()));
  }

  /**
   * Multiplies the weight by a factor that other weights may share; a delta stores it once.
   *
   * @param factor C, relative to the weight
   * @param shape of the weight, a matrix
   * @param axis of the weight that the factor acts on: with 1, of a weight of shape {@code (rows,
   *     D)}, W' = W (I + C); with 0, of one of shape {@code (D, rows)}, W' = (I + C)ᵀ W
   * @return the change
   * @throws IllegalArgumentException if the factor's width is not the length of the axis
   */
  public static WeightChange multiplying(WeightFactor factor, Shape shape, int axis) {
    return new Adding(
        new FactorChange(shape, axis, List.of(new FactorChange.Term(1, factor)), null),
        factor.arrays());
  }

  /** {@return the shape of the weight that is changed} */
  public abstract Shape shape();

  /** {@return the arrays that hold the change, without indices} */
  public abstract List<NDArray> arrays();

  /**
   * Computes the weight after the change.
   *
   * @param weight the weight before the change, float32
   * @param owner of the result
   * @return a new array
   */
  public abstract NDArray changed(NDArray weight, NDManager owner);

  /** The form in which a delta stores the change; its arrays belong to {@code owner}. */
  abstract Change stored(NDArray base, NDManager owner);

  private static final class Replacing extends WeightChange {
    private final NDArray weight;

    Replacing(NDArray weight) {
      this.weight = weight;
    }

    @Override
    public Shape shape() {
      return weight.getShape();
    }

    @Override
    public List<NDArray> arrays() {
      return List.of(weight);
    }

    @Override
    public NDArray changed(NDArray before, NDManager owner) {
      NDArray copy = weight.duplicate();
      copy.attach(owner);
      return copy;
    }

    @Override
    Change stored(NDArray base, NDManager owner) {
      return FullChange.of(weight.sub(base.toType(DataType.FLOAT32, false)), owner);
    }
  }

  private static final class Adding extends WeightChange {
    private final Change change;
    private final List<NDArray> arrays;

    Adding(Change change, List<NDArray> arrays) {
      this.change = change;
      this.arrays = arrays;
    }

    @Override
    public Shape shape() {
      return change.shape();
    }

    @Override
    public List<NDArray> arrays() {
      return arrays;
    }

    @Override
    public NDArray changed(NDArray weight, NDManager owner) {
      return change.addedTo(weight, owner);
    }

    @Override
    Change stored(NDArray base, NDManager owner) {
      return change instanceof FullChange full
          ? FullChange.of(full.difference().duplicate(), owner)
          : change.copy(owner);
    }
  }
}
