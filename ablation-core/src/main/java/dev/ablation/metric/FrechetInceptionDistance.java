package dev.ablation.metric;

import com.google.common.base.Preconditions;

/**
 * FID (Heusel et al. 2017, arXiv 1706.08500, equation 6): the distance between two normal
 * distributions that are fitted to features,
 *
 * <p>{@code |mu_a - mu_b|^2 + tr C_a + tr C_b - 2 tr (C_a C_b)^(1/2)},
 *
 * <p>with covariances divided by n - 1, in double precision. With {@code C_a = L L^T} the last
 * trace is the sum of the square roots of the eigenvalues of the symmetric matrix {@code L^T C_b
 * L}, so no square root of an asymmetric matrix is needed.
 *
 * <p>The bias of the estimate depends on the number of images, so values for different numbers of
 * images cannot be compared. With fewer images than Inception has features, the covariance does not
 * have full rank; {@link #measure} rejects this case, whereas {@link #distance} accepts it.
 *
 * {@snippet class="dev.ablation.Snippets" region="fid"}
 */
public final class FrechetInceptionDistance {
  /** Minimum number of images on each side for {@link #measure}. */
  public static final int FEWEST_IMAGES = 2048;

  private FrechetInceptionDistance() {}

  /**
   * Computes the distance between two sets of features.
   *
   * @param a at least 2 rows
   * @param b at least 2 rows, of the same dimension
   * @return the distance, at least 0
   * @throws IllegalArgumentException if there are too few rows or the dimensions differ
   */
  public static double distance(FeatureMatrix a, FeatureMatrix b) {
    a.checkDimension(b);
    return distance(FeatureStatistics.of(a), FeatureStatistics.of(b));
  }

  /**
   * Computes the distance between two distributions.
   *
   * @param a statistics of at least 2 rows
   * @param b statistics of at least 2 rows, of the same dimension
   * @return the distance, at least 0
   * @throws IllegalArgumentException if there are too few rows or the dimensions differ
   */
  public static double distance(FeatureStatistics a, FeatureStatistics b) {
    Preconditions.checkArgument(
        a.dimension() == b.dimension(),
        "features of both sides must come from one extractor: dimensions were %s and %s",
        a.dimension(),
        b.dimension());
    Preconditions.checkArgument(
        a.rows() >= 2 && b.rows() >= 2,
        "FID needs at least 2 rows on each side, were %s and %s",
        a.rows(),
        b.rows());
    double[] meanA = a.mean();
    double[] meanB = b.mean();
    double means = 0;
    for (int i = 0; i < meanA.length; i++) {
      means += (meanA[i] - meanB[i]) * (meanA[i] - meanB[i]);
    }
    double[][] covarianceA = a.covariance();
    double[][] covarianceB = b.covariance();
    double traces = SymmetricMatrix.trace(covarianceA) + SymmetricMatrix.trace(covarianceB);
    return Math.max(0, means + traces - 2 * traceOfRoot(covarianceA, covarianceB));
  }

  private static double traceOfRoot(double[][] a, double[][] b) {
    double[][] columnsA = SymmetricMatrix.cholesky(a);
    double[][] columnsB = SymmetricMatrix.cholesky(b);
    // Start from the side of lower rank: the product then has fewer eigenvalues that are pure
    // rounding error, whose square roots would add up.
    double[][] product =
        columnsA.length <= columnsB.length
            ? SymmetricMatrix.congruence(columnsA, b)
            : SymmetricMatrix.congruence(columnsB, a);
    double sum = 0;
    for (double value : SymmetricMatrix.eigenvalues(product)) {
      sum += Math.sqrt(Math.max(0, value));
    }
    return sum;
  }

  /**
   * Measures the distance between images and reference images.
   *
   * @param images statistics of at least {@value #FEWEST_IMAGES} images
   * @param reference statistics of at least {@value #FEWEST_IMAGES} images
   * @param extractor the extractor of the features
   * @return the result
   * @throws IllegalArgumentException if there are fewer images or the dimensions differ
   */
  public static MetricResult measure(
      FeatureStatistics images, FeatureStatistics reference, ExtractorInfo extractor) {
    checkCounts(images.rows(), reference.rows());
    return MetricResult.of("FID", distance(images, reference), extractor)
        .counts(MetricResult.counts(images.rows(), reference.rows()));
  }

  /**
   * Throws an exception if there are too few images. An evaluation calls this before it generates
   * them.
   *
   * @param images number of images
   * @param reference number of reference images
   * @throws IllegalArgumentException if either is below {@value #FEWEST_IMAGES}
   */
  public static void checkCounts(int images, int reference) {
    Preconditions.checkArgument(
        Math.min(images, reference) >= FEWEST_IMAGES,
        "FID needs at least %s images on each side, were %s and %s: with fewer the covariance"
            + " does not have full rank; use KID",
        FEWEST_IMAGES,
        images,
        reference);
  }
}
