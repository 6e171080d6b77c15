package dev.ablation.metric;

import com.google.common.base.Preconditions;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;

/**
 * How much images changed: the mean squared distance between the features of two images that were
 * generated from the same prompt and seed.
 *
 * <p>This is LPIPS (Zhang et al. 2018, arXiv 1801.03924, equation 1) if the extractor returns the
 * activations of the LPIPS layers as one vector: each pixel's channels scaled to length 1, times
 * the square root of the learned weights, divided by the square root of the number of pixels. Other
 * extractors give other distances, identified by the extractor's name in the result.
 *
 * {@snippet class="dev.ablation.Snippets" region="perceptual"}
 *
 * @param extractor extractor of the features
 * @param bootstrap settings of the confidence interval
 */
public record PerceptualDistance(FeatureExtractor extractor, Bootstrap bootstrap) {

  /** Checks that nothing is null. */
  public PerceptualDistance {
    Objects.requireNonNull(extractor, "extractor");
    Objects.requireNonNull(bootstrap, "bootstrap");
  }

  /**
   * Measures the distance between paired images, batch by batch, without keeping the features.
   *
   * @param images the images, at least one
   * @param reference the reference images, the i-th for the i-th image
   * @param batchSize maximum number of pairs in memory at a time, positive
   * @param listener called after each batch, on the calling thread
   * @return the mean distance
   * @throws IOException if an image cannot be read
   * @throws IllegalArgumentException if there are no images or the numbers differ
   */
  public MetricResult measure(
      ImageSource images,
      ImageSource reference,
      int batchSize,
      Consumer<? super EvaluationProgress> listener)
      throws IOException {
    return measure(distances(images, reference, batchSize, listener));
  }

  /**
   * Returns the mean of distances that were computed batch by batch.
   *
   * @param distances distances of pairs, at least one
   * @return the mean distance
   * @throws IllegalArgumentException if there are none
   */
  public MetricResult measure(double[] distances) {
    Preconditions.checkArgument(distances.length > 0, "distances must not be empty");
    double mean = Arrays.stream(distances).sum() / distances.length;
    return MetricResult.of("perceptual distance", mean, extractor.info())
        .interval(bootstrap.ofMean(distances))
        .counts(Map.of("pairs", distances.length))
        .seed(bootstrap.seed());
  }

  /**
   * Computes the distance of each pair.
   *
   * @param images the images, at least one
   * @param reference the reference images, the i-th for the i-th image
   * @param batchSize maximum number of pairs in memory at a time, positive
   * @param listener called after each batch, on the calling thread
   * @return one distance for each pair, at least 0
   * @throws IOException if an image cannot be read
   * @throws IllegalArgumentException if there are no images or the numbers differ
   */
  public double[] distances(
      ImageSource images,
      ImageSource reference,
      int batchSize,
      Consumer<? super EvaluationProgress> listener)
      throws IOException {
    int count = images.count();
    Preconditions.checkArgument(count > 0, "images must not be empty");
    Preconditions.checkArgument(
        count == reference.count(),
        "there must be as many images as reference images, were %s and %s",
        count,
        reference.count());
    Preconditions.checkArgument(batchSize > 0, "batchSize must be positive, was %s", batchSize);
    double[] distances = new double[count];
    for (int first = 0; first < count; first += batchSize) {
      int end = Math.min(count, first + batchSize);
      List<BufferedImage> some = new ArrayList<>();
      List<BufferedImage> others = new ArrayList<>();
      for (int i = first; i < end; i++) {
        some.add(images.image(i));
        others.add(reference.image(i));
      }
      double[] batch = distances(extractor.extract(some), extractor.extract(others));
      System.arraycopy(batch, 0, distances, first, batch.length);
      listener.accept(new EvaluationProgress("perceptual distance", end, count));
    }
    return distances;
  }

  /**
   * Computes the distance of each pair from the features.
   *
   * @param images features of the images
   * @param reference features of the reference images, of the same shape
   * @return one distance for each pair, at least 0
   * @throws IllegalArgumentException if the shapes differ
   */
  public static double[] distances(FeatureMatrix images, FeatureMatrix reference) {
    Preconditions.checkArgument(
        images.rows() == reference.rows(),
        "there must be as many images as reference images, were %s and %s",
        images.rows(),
        reference.rows());
    double[] distances = new double[images.rows()];
    for (int i = 0; i < distances.length; i++) {
      distances[i] = squaredDistance(images, reference, i);
    }
    return distances;
  }

  private static double squaredDistance(FeatureMatrix a, FeatureMatrix b, int row) {
    a.checkDimension(b);
    double sum = 0;
    for (int i = 0; i < a.dimension(); i++) {
      double difference = a.get(row, i) - b.get(row, i);
      sum += difference * difference;
    }
    return sum;
  }
}
