package dev.ablation.metric;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import java.util.ArrayList;
import java.util.List;

/**
 * Feature vectors, one in each row. Values are float32, as networks compute them; metrics use
 * double precision. Immutable.
 */
@CheckReturnValue
public final class FeatureMatrix {
  private final float[][] rows;
  private final int dimension;

  private FeatureMatrix(float[][] rows, int dimension) {
    this.rows = rows;
    this.dimension = dimension;
  }

  /**
   * Creates a matrix from a copy of its rows.
   *
   * @param rows feature vectors of equal length, at least one; all values finite
   * @return the matrix
   * @throws IllegalArgumentException if there are no rows, their lengths differ or a value is not
   *     finite
   */
  public static FeatureMatrix of(float[][] rows) {
    Preconditions.checkArgument(rows.length > 0, "features must have at least one row");
    int dimension = rows[0].length;
    Preconditions.checkArgument(dimension > 0, "features must have at least one column");
    float[][] copy = new float[rows.length][];
    for (int i = 0; i < rows.length; i++) {
      if (rows[i].length != dimension) {
        throw new IllegalArgumentException(
            "features: expected %d values, was %d in row %d"
                .formatted(dimension, rows[i].length, i));
      }
      for (float value : rows[i]) {
        if (!Float.isFinite(value)) {
          throw new IllegalArgumentException(
              "features must be finite, was %s in row %d".formatted(value, i));
        }
      }
      copy[i] = rows[i].clone();
    }
    return new FeatureMatrix(copy, dimension);
  }

  /**
   * Creates a matrix from a copy of its values.
   *
   * @param values {@code rows * dimension} values, row by row, all finite
   * @param dimension length of a row, positive
   * @return the matrix
   * @throws IllegalArgumentException if the number of values is 0 or not a multiple of {@code
   *     dimension}, or a value is not finite
   */
  public static FeatureMatrix of(float[] values, int dimension) {
    Preconditions.checkArgument(dimension > 0, "dimension must be positive, was %s", dimension);
    Preconditions.checkArgument(
        values.length % dimension == 0,
        "values must be a multiple of dimension %s, were %s",
        dimension,
        values.length);
    float[][] rows = new float[values.length / dimension][dimension];
    for (int i = 0; i < rows.length; i++) {
      System.arraycopy(values, i * dimension, rows[i], 0, dimension);
    }
    return of(rows);
  }

  /**
   * Concatenates matrices row-wise.
   *
   * @param parts matrices of equal dimension, at least one
   * @return all rows, in order
   * @throws IllegalArgumentException if there are no matrices or their dimensions differ
   */
  public static FeatureMatrix concat(List<FeatureMatrix> parts) {
    Preconditions.checkArgument(!parts.isEmpty(), "features must have at least one row");
    int dimension = parts.get(0).dimension;
    List<float[]> rows = new ArrayList<>();
    for (FeatureMatrix part : parts) {
      Preconditions.checkArgument(
          part.dimension == dimension,
          "features: expected %s columns, was %s",
          dimension,
          part.dimension);
      rows.addAll(List.of(part.rows));
    }
    return new FeatureMatrix(rows.toArray(float[][]::new), dimension);
  }

  /** {@return the number of rows, positive} */
  public int rows() {
    return rows.length;
  }

  /** {@return the length of a row, positive} */
  public int dimension() {
    return dimension;
  }

  /**
   * Returns a value.
   *
   * @param row index of the row
   * @param column index of the column
   * @return the value
   */
  public double get(int row, int column) {
    return rows[row][column];
  }

  /**
   * Returns a copy of a row.
   *
   * @param row index of the row
   * @return its values
   */
  public float[] row(int row) {
    return rows[row].clone();
  }

  /**
   * Selects rows.
   *
   * @param indices indices of the rows, at least one, in any order; repetitions are allowed
   * @return the selected rows
   */
  public FeatureMatrix select(int... indices) {
    Preconditions.checkArgument(indices.length > 0, "indices must not be empty");
    float[][] chosen = new float[indices.length][];
    for (int i = 0; i < indices.length; i++) {
      Preconditions.checkElementIndex(indices[i], rows.length, "row");
      chosen[i] = rows[indices[i]];
    }
    return new FeatureMatrix(chosen, dimension);
  }

  /**
   * Returns the dot product of two rows.
   *
   * @param row index of a row of this matrix
   * @param other a matrix of the same dimension
   * @param otherRow index of a row of {@code other}
   * @return the dot product
   */
  public double dot(int row, FeatureMatrix other, int otherRow) {
    checkDimension(other);
    float[] a = rows[row];
    float[] b = other.rows[otherRow];
    // Four independent sums, so that additions need not wait for each other.
    double s0 = 0;
    double s1 = 0;
    double s2 = 0;
    double s3 = 0;
    int i = 0;
    for (; i + 3 < a.length; i += 4) {
      s0 += (double) a[i] * b[i];
      s1 += (double) a[i + 1] * b[i + 1];
      s2 += (double) a[i + 2] * b[i + 2];
      s3 += (double) a[i + 3] * b[i + 3];
    }
    for (; i < a.length; i++) {
      s0 += (double) a[i] * b[i];
    }
    return (s0 + s1) + (s2 + s3);
  }

  /**
   * Returns the cosine of the angle between two rows.
   *
   * @param row index of a row of this matrix
   * @param other a matrix of the same dimension
   * @param otherRow index of a row of {@code other}
   * @return the cosine, -1..1; 0 if a row is zero
   */
  public double cosine(int row, FeatureMatrix other, int otherRow) {
    double norms = dot(row, this, row) * other.dot(otherRow, other, otherRow);
    double product = dot(row, other, otherRow);
    return norms == 0 ? 0 : Math.max(-1, Math.min(1, product / Math.sqrt(norms)));
  }

  void checkDimension(FeatureMatrix other) {
    Preconditions.checkArgument(
        other.dimension == dimension,
        "features of both sides must come from one extractor: dimensions were %s and %s",
        dimension,
        other.dimension);
  }

  @Override
  public String toString() {
    return "FeatureMatrix[" + rows.length + " x " + dimension + "]";
  }
}
