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
 * How much images changed, pair by pair: the mean squared distance of the features of two images
 * that were drawn for the same prompt and seed.
 *
 * <p>It is LPIPS (Zhang et al. 2018, arXiv 1801.03924, equation 1) if the extractor gives the
 * activations of LPIPS' layers as one vector: each pixel's channels scaled to length 1, times the
 * square root of the learned weights, divided by the square root of the number of pixels. Any other
 * extractor gives a distance of its own kind, which its name in the result tells.
 *
 * {@snippet class="dev.ablation.Snippets" region="perceptual"}
 *
 * @param extractor of the features
 * @param bootstrap how the interval is computed
 */
public record PerceptualDistance(FeatureExtractor extractor, Bootstrap bootstrap) {

  /** Checks that nothing is null. */
  public PerceptualDistance {
    Objects.requireNonNull(extractor, "extractor");
    Objects.requireNonNull(bootstrap, "bootstrap");
  }

  /**
   * Measures the distance of pairs, batch by batch; features are not kept.
   *
   * @param images at least one
   * @param reference as many: the i-th image is compared with the i-th
   * @param batchSize most pairs at a time, positive
   * @param listener told after each batch, on the calling thread
   * @return the mean distance
   * @throws IOException if an image cannot be read
   * @throws IllegalArgumentException if there are no images or not as many of both
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
   * Takes the mean of distances that were computed batch by batch.
   *
   * @param distances of pairs, at least one
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
   * @param images at least one
   * @param reference as many
   * @param batchSize most pairs at a time, positive
   * @param listener told after each batch, on the calling thread
   * @return one distance a pair, at least 0
   * @throws IOException if an image cannot be read
   * @throws IllegalArgumentException if there are no images or not as many of both
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
        "images and reference must be as many, were %s and %s",
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
   * Computes the distance of each pair from its features.
   *
   * @param images features
   * @param reference features of as many images, of the same dimension
   * @return one distance a pair, at least 0
   * @throws IllegalArgumentException if the sizes differ
   */
  public static double[] distances(FeatureMatrix images, FeatureMatrix reference) {
    Preconditions.checkArgument(
        images.rows() == reference.rows(),
        "images and reference must be as many, were %s and %s",
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
