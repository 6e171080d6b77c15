package dev.ablation.metric;

import com.google.common.base.Preconditions;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;

/**
 * Tells copies of memorised images: an image is a copy if the cosine of its features and those of
 * an original is above a threshold. With SSCD (Pizzi et al. 2022, arXiv 2202.10261) and 0.5 this is
 * the reference's test for memorised images.
 *
 * {@snippet class="dev.ablation.Snippets" region="copies"}
 *
 * @param extractor of the features
 * @param threshold below 1; a cosine above it is a copy
 */
public record CopyDetection(FeatureExtractor extractor, double threshold) {
  /** The threshold of the reference, for SSCD. */
  public static final double SSCD_THRESHOLD = 0.5;

  /** Checks the threshold. */
  public CopyDetection {
    Objects.requireNonNull(extractor, "extractor");
    Preconditions.checkArgument(
        threshold >= -1 && threshold < 1, "threshold must be in [-1, 1), was %s", threshold);
  }

  /**
   * Compares images with originals; the nearest original counts.
   *
   * @param images to judge, at least one
   * @param originals at least one
   * @return a score for every image
   * @throws IllegalArgumentException if one of the lists is empty
   */
  public CopyScores score(List<BufferedImage> images, List<BufferedImage> originals) {
    Preconditions.checkArgument(!originals.isEmpty(), "originals must not be empty");
    Preconditions.checkArgument(!images.isEmpty(), "images must not be empty");
    return score(extractor.extract(images), extractor.extract(originals));
  }

  /**
   * Compares many images with originals, batch by batch; the nearest original counts.
   *
   * @param images to judge, at least one
   * @param originals at least one
   * @param batchSize most images at a time, positive
   * @param listener told after each batch, on the calling thread
   * @return a score for every image
   * @throws IOException if an image cannot be read
   * @throws IllegalArgumentException if there are no images or no originals
   */
  public CopyScores score(
      ImageSource images,
      List<BufferedImage> originals,
      int batchSize,
      Consumer<? super EvaluationProgress> listener)
      throws IOException {
    Preconditions.checkArgument(!originals.isEmpty(), "originals must not be empty");
    Preconditions.checkArgument(images.count() > 0, "images must not be empty");
    return score(extractor.extract(images, batchSize, listener), extractor.extract(originals));
  }

  private CopyScores score(FeatureMatrix images, FeatureMatrix originals) {
    List<Double> scores = new ArrayList<>();
    for (int i = 0; i < images.rows(); i++) {
      double best = -1;
      for (int k = 0; k < originals.rows(); k++) {
        best = Math.max(best, images.cosine(i, originals, k));
      }
      scores.add(best);
    }
    return new CopyScores(extractor.info(), threshold, scores);
  }
}
