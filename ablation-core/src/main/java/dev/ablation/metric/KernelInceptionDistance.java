package dev.ablation.metric;

import com.google.common.base.Preconditions;
import dev.ablation.random.RandomStreams;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * KID (Binkowski et al. 2018, arXiv 1801.01401): the squared maximum mean discrepancy of features
 * under the kernel {@code k(u, v) = (u.v / d + 1)^3}, averaged over random subsets, in double
 * precision. The estimate is unbiased: it may be negative, and its expected value does not depend
 * on the number of images. Papers often print a thousand times the value.
 *
 * <p>A subset has {@code min(subsetSize, rows of a, rows of b)} images of each side, sampled
 * without replacement as in clean-fid. If this is all rows of both sides, all subsets are equal and
 * only one is computed.
 *
 * {@snippet class="dev.ablation.Snippets" region="kid"}
 *
 * @param subsetSize maximum number of images of each side in a subset, at least 2
 * @param subsets number of subsets, positive
 * @param seed seed of the subsets
 */
public record KernelInceptionDistance(int subsetSize, int subsets, long seed) {
  private static final Logger LOG = LoggerFactory.getLogger(KernelInceptionDistance.class);

  /** A rule of thumb: the estimate has no bias, but of few images its variance is large. */
  private static final int FEW = 100;

  /** Maximum number of kernel values kept in memory, 8 bytes each. */
  private static final long MOST_KEPT = 25_000_000;

  /** Checks the sizes. */
  public KernelInceptionDistance {
    Preconditions.checkArgument(
        subsetSize >= 2, "subsetSize must be at least 2, was %s", subsetSize);
    Preconditions.checkArgument(subsets > 0, "subsets must be positive, was %s", subsets);
  }

  /** {@return 100 subsets of 1000, as in clean-fid; seed 0} */
  public static KernelInceptionDistance defaults() {
    return new KernelInceptionDistance(1000, 100, 0);
  }

  /**
   * Estimates the discrepancy between two sets of features from all rows:
   *
   * <p>{@code sum_(i!=j) k(a_i, a_j) / (n (n - 1)) + sum_(i!=j) k(b_i, b_j) / (m (m - 1)) - 2 mean
   * k(a_i, b_j)}.
   *
   * @param a n rows, at least 2
   * @param b m rows, at least 2, of the same dimension
   * @return the unbiased estimate
   * @throws IllegalArgumentException if there are too few rows or the dimensions differ
   */
  public static double unbiased(FeatureMatrix a, FeatureMatrix b) {
    check(a, b);
    return estimate(new Kernel(a, b, false), all(a.rows()), all(b.rows()));
  }

  /**
   * Estimates the discrepancy for given subsets.
   *
   * @param a features
   * @param b features of the same dimension
   * @param rowsOfA for each subset, indices of at least 2 rows of {@code a}
   * @param rowsOfB for each subset, indices of at least 2 rows of {@code b}
   * @return one estimate for each subset
   * @throws IllegalArgumentException if the numbers of subsets differ, a subset is too small or the
   *     dimensions differ
   */
  public static double[] ofSubsets(
      FeatureMatrix a, FeatureMatrix b, int[][] rowsOfA, int[][] rowsOfB) {
    return ofSubsets(a, b, rowsOfA, rowsOfB, done -> {});
  }

  private static double[] ofSubsets(
      FeatureMatrix a,
      FeatureMatrix b,
      int[][] rowsOfA,
      int[][] rowsOfB,
      Consumer<Integer> listener) {
    check(a, b);
    Preconditions.checkArgument(
        rowsOfA.length == rowsOfB.length,
        "both sides must have the same number of subsets, were %s and %s",
        rowsOfA.length,
        rowsOfB.length);
    double pairs = 0;
    for (int i = 0; i < rowsOfA.length; i++) {
      double both = rowsOfA[i].length + rowsOfB[i].length;
      pairs += both * both / 2;
    }
    double total = a.rows() + b.rows();
    double table = total * total / 2;
    Kernel kernel = new Kernel(a, b, table <= pairs && table <= MOST_KEPT);
    double[] values = new double[rowsOfA.length];
    for (int i = 0; i < values.length; i++) {
      Preconditions.checkArgument(
          rowsOfA[i].length >= 2 && rowsOfB[i].length >= 2,
          "a subset must have at least 2 rows of each side, had %s and %s",
          rowsOfA[i].length,
          rowsOfB[i].length);
      values[i] = estimate(kernel, rowsOfA[i], rowsOfB[i]);
      listener.accept(i + 1);
    }
    return values;
  }

  /**
   * Measures the distance between images and reference images.
   *
   * @param images features of the images, at least 2 rows
   * @param reference features of the reference images, at least 2 rows
   * @param extractor the extractor of the features
   * @param listener called after each subset, on the calling thread
   * @return the mean over the subsets; the settings contain the number and size of the subsets and
   *     the standard deviation over them
   * @throws IllegalArgumentException if there are too few rows or the dimensions differ
   */
  public MetricResult measure(
      FeatureMatrix images,
      FeatureMatrix reference,
      ExtractorInfo extractor,
      Consumer<? super EvaluationProgress> listener) {
    check(images, reference);
    int fewest = Math.min(images.rows(), reference.rows());
    if (fewest < FEW) {
      LOG.warn(
          "KID of {} and {} images says little: with fewer than {} it varies more than models differ",
          images.rows(),
          reference.rows(),
          FEW);
    }
    int size = Math.min(subsetSize, Math.min(images.rows(), reference.rows()));
    boolean whole = size == images.rows() && size == reference.rows();
    int count = whole ? 1 : subsets;
    int[][] rowsA = new int[count][];
    int[][] rowsB = new int[count][];
    for (int i = 0; i < count; i++) {
      RandomGenerator random = RandomStreams.stream(seed, "kid.subset", i);
      rowsA[i] = draw(images.rows(), size, random);
      rowsB[i] = draw(reference.rows(), size, random);
    }
    double[] values =
        ofSubsets(
            images,
            reference,
            rowsA,
            rowsB,
            done -> listener.accept(new EvaluationProgress("KID", done, count)));
    double mean = Arrays.stream(values).sum() / count;
    double squares = Arrays.stream(values).map(v -> (v - mean) * (v - mean)).sum();
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("kernel", "(u.v/d + 1)^3, unbiased");
    settings.put("subset size", Integer.toString(size));
    settings.put("subsets", Integer.toString(count));
    if (fewest < FEW) {
      settings.put("few images", "fewer than %d; the value says little".formatted(FEW));
    }
    if (count > 1) {
      settings.put("standard deviation over subsets", Double.toString(Math.sqrt(squares / count)));
    }
    return MetricResult.of("KID", mean, extractor)
        .counts(MetricResult.counts(images.rows(), reference.rows()))
        .settings(settings)
        .seed(whole ? null : seed);
  }

  private static void check(FeatureMatrix a, FeatureMatrix b) {
    a.checkDimension(b);
    Preconditions.checkArgument(
        a.rows() >= 2 && b.rows() >= 2,
        "KID needs at least 2 images on each side, were %s and %s",
        a.rows(),
        b.rows());
  }

  private static int[] all(int count) {
    int[] indices = new int[count];
    Arrays.setAll(indices, i -> i);
    return indices;
  }

  private static int[] draw(int count, int size, RandomGenerator random) {
    int[] indices = all(count);
    for (int i = 0; i < size && size < count; i++) {
      int other = i + random.nextInt(count - i);
      int drawn = indices[other];
      indices[other] = indices[i];
      indices[i] = drawn;
    }
    return Arrays.copyOf(indices, size);
  }

  private static double estimate(Kernel kernel, int[] rowsOfA, int[] rowsOfB) {
    double n = rowsOfA.length;
    double m = rowsOfB.length;
    int[] below = Arrays.stream(rowsOfB).map(row -> kernel.rowsOfA + row).toArray();
    double mixed = 0;
    for (int row : rowsOfA) {
      for (int other : below) {
        mixed += kernel.value(row, other);
      }
    }
    return 2 * kernel.sumOfPairs(rowsOfA) / (n * (n - 1))
        + 2 * kernel.sumOfPairs(below) / (m * (m - 1))
        - 2 * mixed / (n * m);
  }

  /** Values of the kernel on the rows of both sides: first those of a, then those of b. */
  private static final class Kernel {
    private final int rowsOfA;
    private final FeatureMatrix all;

    /** Row i has the kernel values with rows 0 to i. Kept only if several subsets need them. */
    private final double @Nullable [][] kept;

    Kernel(FeatureMatrix a, FeatureMatrix b, boolean keep) {
      rowsOfA = a.rows();
      all = FeatureMatrix.concat(List.of(a, b));
      kept = keep ? table() : null;
    }

    private double[][] table() {
      double[][] table = new double[all.rows()][];
      for (int i = 0; i < table.length; i++) {
        table[i] = new double[i + 1];
        for (int k = 0; k <= i; k++) {
          table[i][k] = compute(i, k);
        }
      }
      return table;
    }

    private double compute(int i, int k) {
      double base = all.dot(i, all, k) / all.dimension() + 1;
      return base * base * base;
    }

    double value(int i, int k) {
      return kept == null ? compute(i, k) : kept[Math.max(i, k)][Math.min(i, k)];
    }

    double sumOfPairs(int[] rows) {
      double sum = 0;
      for (int i = 1; i < rows.length; i++) {
        for (int k = 0; k < i; k++) {
          sum += value(rows[i], rows[k]);
        }
      }
      return sum;
    }
  }
}
