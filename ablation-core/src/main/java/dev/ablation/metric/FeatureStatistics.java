package dev.ablation.metric;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CanIgnoreReturnValue;

/**
 * Mean and covariance of feature vectors, accumulated batch by batch so that the features need not
 * stay in memory. Memory use depends only on the dimension, quadratically. Not thread-safe.
 *
 * {@snippet class="dev.ablation.Snippets" region="fid-streaming"}
 */
public final class FeatureStatistics {
  private static final int BLOCK = 64;

  private final int dimension;

  /** The first row. Summing differences from it avoids loss of precision. */
  private final double[] origin;

  private final double[] sums;
  private final double[][] products;
  private int rows;

  /**
   * Creates empty statistics.
   *
   * @param dimension dimension of the feature vectors, positive
   */
  public FeatureStatistics(int dimension) {
    Preconditions.checkArgument(dimension > 0, "dimension must be positive, was %s", dimension);
    this.dimension = dimension;
    origin = new double[dimension];
    sums = new double[dimension];
    products = new double[dimension][];
    for (int i = 0; i < dimension; i++) {
      products[i] = new double[i + 1];
    }
  }

  /**
   * Computes the statistics of a matrix.
   *
   * @param features any number of rows
   * @return the statistics
   */
  public static FeatureStatistics of(FeatureMatrix features) {
    return new FeatureStatistics(features.dimension()).add(features);
  }

  /**
   * Adds rows.
   *
   * @param features rows of this dimension
   * @return this
   * @throws IllegalArgumentException if the dimension differs
   */
  @CanIgnoreReturnValue
  public FeatureStatistics add(FeatureMatrix features) {
    Preconditions.checkArgument(
        features.dimension() == dimension,
        "features: expected %s columns, was %s",
        dimension,
        features.dimension());
    if (rows == 0) {
      for (int i = 0; i < dimension; i++) {
        origin[i] = features.get(0, i);
      }
    }
    for (int first = 0; first < features.rows(); first += BLOCK) {
      addBlock(features, first, Math.min(BLOCK, features.rows() - first));
    }
    rows += features.rows();
    return this;
  }

  private void addBlock(FeatureMatrix features, int first, int count) {
    double[][] columns = new double[dimension][count];
    for (int i = 0; i < dimension; i++) {
      for (int row = 0; row < count; row++) {
        columns[i][row] = features.get(first + row, i) - origin[i];
        sums[i] += columns[i][row];
      }
    }
    for (int i = 0; i < dimension; i++) {
      for (int j = 0; j <= i; j++) {
        products[i][j] += SymmetricMatrix.dot(columns[i], columns[j]);
      }
    }
  }

  /** {@return the number of rows added} */
  public int rows() {
    return rows;
  }

  /** {@return the length of a row} */
  public int dimension() {
    return dimension;
  }

  double[] mean() {
    double[] mean = new double[dimension];
    for (int i = 0; i < dimension; i++) {
      mean[i] = origin[i] + sums[i] / rows;
    }
    return mean;
  }

  /** Divides by the number of rows minus one. */
  double[][] covariance() {
    double[][] covariance = new double[dimension][dimension];
    for (int i = 0; i < dimension; i++) {
      for (int j = 0; j <= i; j++) {
        covariance[i][j] = (products[i][j] - sums[i] * sums[j] / rows) / (rows - 1);
        covariance[j][i] = covariance[i][j];
      }
    }
    return covariance;
  }
}
