package dev.ablation.metric;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CanIgnoreReturnValue;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * Mean and covariance of feature vectors, accumulated batch by batch so that the features need not
 * stay in memory. Memory use depends only on the dimension, quadratically. Not thread-safe.
 *
 * <p>Sums and sums of products are held as pairs of doubles (Knuth 1997, section 4.2.2, theorem B):
 * the product of two float32 is exact in a double, and the rounding error of every addition is
 * added to the second double. The sums are therefore exact as long as their terms span less than
 * 100 bits, and then the statistics of many parts, merged in any order, are those of the whole, to
 * the bit.
 *
 * {@snippet class="dev.ablation.Snippets" region="fid-streaming"}
 */
public final class FeatureStatistics {
  private static final int BLOCK = 64;

  /** More features than an extractor has. */
  private static final int LARGEST = 1 << 20;

  private final int dimension;
  private final PreciseSums sums;

  /** Row i has the products of feature i with features 0 to i. */
  private final PreciseSums[] products;

  private long rows;

  /**
   * Creates empty statistics.
   *
   * @param dimension dimension of the feature vectors, positive
   */
  public FeatureStatistics(int dimension) {
    this(new PreciseSums(checked(dimension)), new PreciseSums[dimension], 0);
    for (int i = 0; i < dimension; i++) {
      products[i] = new PreciseSums(i + 1);
    }
  }

  private FeatureStatistics(PreciseSums sums, PreciseSums[] products, long rows) {
    this.dimension = products.length;
    this.sums = sums;
    this.products = products;
    this.rows = rows;
  }

  private static int checked(int dimension) {
    Preconditions.checkArgument(dimension > 0, "dimension must be positive, was %s", dimension);
    return dimension;
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
    checkDimension(features.dimension());
    for (int first = 0; first < features.rows(); first += BLOCK) {
      addBlock(features, first, Math.min(BLOCK, features.rows() - first));
    }
    rows += features.rows();
    return this;
  }

  private void addBlock(FeatureMatrix features, int first, int count) {
    double[][] block = new double[count][dimension];
    for (int row = 0; row < count; row++) {
      for (int i = 0; i < dimension; i++) {
        block[row][i] = features.get(first + row, i);
      }
      sums.add(1, block[row]);
    }
    // A row of sums stays in the processor's cache while the block's rows are added to it.
    for (int i = 0; i < dimension; i++) {
      for (double[] row : block) {
        products[i].add(row[i], row);
      }
    }
  }

  /**
   * Adds the rows of other statistics, as if they had been added to these.
   *
   * @param other statistics of this dimension; left unchanged
   * @return this
   * @throws IllegalArgumentException if the dimension differs
   */
  @CanIgnoreReturnValue
  public FeatureStatistics merge(FeatureStatistics other) {
    checkDimension(other.dimension);
    sums.add(other.sums);
    for (int i = 0; i < dimension; i++) {
      products[i].add(other.products[i]);
    }
    rows += other.rows;
    return this;
  }

  private void checkDimension(int other) {
    Preconditions.checkArgument(
        other == dimension, "features: expected %s columns, was %s", dimension, other);
  }

  /** {@return the number of rows added} */
  public int rows() {
    return Math.toIntExact(rows);
  }

  /** {@return the length of a row} */
  public int dimension() {
    return dimension;
  }

  double[] mean() {
    double[] mean = new double[dimension];
    for (int i = 0; i < dimension; i++) {
      mean[i] = sums.high(i) / rows;
    }
    return mean;
  }

  /** Divides by the number of rows minus one. */
  double[][] covariance() {
    double[][] covariance = new double[dimension][dimension];
    for (int i = 0; i < dimension; i++) {
      for (int j = 0; j <= i; j++) {
        covariance[i][j] = scatter(i, j) / (rows * (rows - 1.0));
        covariance[j][i] = covariance[i][j];
      }
    }
    return covariance;
  }

  /**
   * The number of rows times the sum of products, less the product of the sums: what is left is
   * small where the mean is large, so both are computed to twice the precision.
   */
  private double scatter(int i, int j) {
    double product = products[i].high(j) * (double) rows;
    double productRest =
        Math.fma(products[i].high(j), (double) rows, -product) + products[i].low(j) * (double) rows;
    double means = sums.high(i) * sums.high(j);
    double meansRest =
        Math.fma(sums.high(i), sums.high(j), -means)
            + (sums.high(i) * sums.low(j) + sums.low(i) * sums.high(j));
    double difference = product - means;
    double back = difference - product;
    double rest = (product - (difference - back)) + (-means - back);
    return difference + (rest + (productRest - meansRest));
  }

  /**
   * Writes the statistics, so that another process can merge them.
   *
   * @param out receives 16 bytes for each of {@code dimension (dimension + 3) / 2} sums
   * @throws IOException if they cannot be written
   */
  public void write(DataOutput out) throws IOException {
    out.writeInt(dimension);
    out.writeLong(rows);
    sums.write(out);
    for (PreciseSums row : products) {
      row.write(out);
    }
  }

  /**
   * Reads what {@link #write} wrote.
   *
   * @param in at the beginning of statistics
   * @return the statistics
   * @throws IOException if they cannot be read, or are something else
   */
  public static FeatureStatistics read(DataInput in) throws IOException {
    int dimension = in.readInt();
    if (dimension <= 0 || dimension > LARGEST) {
      throw new IOException("not statistics of features: the dimension is " + dimension);
    }
    long rows = in.readLong();
    if (rows < 0) {
      throw new IOException("not statistics of features: the number of rows is " + rows);
    }
    PreciseSums sums = PreciseSums.read(in, dimension);
    // One after the other: a damaged dimension asks for no memory.
    List<PreciseSums> products = new ArrayList<>();
    for (int i = 0; i < dimension; i++) {
      products.add(PreciseSums.read(in, i + 1));
    }
    return new FeatureStatistics(sums, products.toArray(PreciseSums[]::new), rows);
  }
}
