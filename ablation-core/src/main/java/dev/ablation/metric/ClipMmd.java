package dev.ablation.metric;

import com.google.common.base.Preconditions;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * CMMD (Jayasumana et al. 2024, arXiv 2401.09603): the squared maximum mean discrepancy of CLIP
 * embeddings, normalized to length 1, under a Gaussian kernel. The estimator is that of the
 * published code: it includes the pairs of an image with itself, so the result is at least 0.
 *
 * <p>{@code scale (mean k(a, a') + mean k(b, b') - 2 mean k(a, b)), k(u, v) = exp(-|u - v|^2 / (2
 * sigma^2))}.
 *
 * <p>Published values use CLIP ViT-L/14 at 336 pixels; the result names the extractor.
 *
 * @param sigma width of the kernel, positive
 * @param scale factor applied to the discrepancy, positive
 */
public record ClipMmd(double sigma, double scale) {

  /** Checks both values. */
  public ClipMmd {
    Preconditions.checkArgument(sigma > 0, "sigma must be positive, was %s", sigma);
    Preconditions.checkArgument(scale > 0, "scale must be positive, was %s", scale);
  }

  /** {@return sigma 10 and scale 1000, as published} */
  public static ClipMmd defaults() {
    return new ClipMmd(10, 1000);
  }

  /**
   * Computes the distance between two sets of embeddings, which it first normalizes to length 1.
   *
   * @param a at least 1 row
   * @param b at least 1 row, of the same dimension
   * @return the distance, at least 0 up to rounding
   * @throws IllegalArgumentException if the dimensions differ
   */
  public double distance(FeatureMatrix a, FeatureMatrix b) {
    a.checkDimension(b);
    return scale * (mean(a, a) + mean(b, b) - 2 * mean(a, b));
  }

  private double mean(FeatureMatrix a, FeatureMatrix b) {
    double sum = 0;
    double[] lengthsA = lengths(a);
    double[] lengthsB = a == b ? lengthsA : lengths(b);
    for (int i = 0; i < a.rows(); i++) {
      for (int k = 0; k < (a == b ? i : b.rows()); k++) {
        double product = a.dot(i, b, k) / (lengthsA[i] * lengthsB[k]);
        sum += kernel(2 - 2 * product);
      }
    }
    double pairs = (double) a.rows() * b.rows();
    return a == b ? (2 * sum + a.rows()) / pairs : sum / pairs; // k(u, u) = 1
  }

  private double kernel(double squaredDistance) {
    return Math.exp(-squaredDistance / (2 * sigma * sigma));
  }

  private static double[] lengths(FeatureMatrix features) {
    double[] lengths = new double[features.rows()];
    for (int i = 0; i < lengths.length; i++) {
      lengths[i] = Math.sqrt(features.dot(i, features, i));
      Preconditions.checkArgument(
          lengths[i] > 0, "features must have a direction, row %s is zero", i);
    }
    return lengths;
  }

  /**
   * Measures the distance between images and reference images.
   *
   * @param images embeddings of the images
   * @param reference embeddings of the reference images
   * @param extractor the extractor of the embeddings
   * @return the result
   * @throws IllegalArgumentException if the dimensions differ
   */
  public MetricResult measure(
      FeatureMatrix images, FeatureMatrix reference, ExtractorInfo extractor) {
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("sigma", Double.toString(sigma));
    settings.put("scale", Double.toString(scale));
    return MetricResult.of("CMMD", distance(images, reference), extractor)
        .counts(MetricResult.counts(images.rows(), reference.rows()))
        .settings(settings);
  }
}
