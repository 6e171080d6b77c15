package dev.ablation.metric;

import com.google.common.base.Preconditions;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;

/**
 * Detects copies of memorized images: an image is a copy if the cosine between its features and
 * those of an original exceeds a threshold. With SSCD (Pizzi et al. 2022, arXiv 2202.10261) and 0.5
 * this is the test of the reference implementation.
 *
 * {@snippet class="dev.ablation.Snippets" region="copies"}
 *
 * @param extractor extractor of the features
 * @param threshold at least -1 and below 1; an image with a cosine above it is a copy
 */
public record CopyDetection(FeatureExtractor extractor, double threshold) {
  /** The reference implementation's threshold for SSCD. */
  public static final double SSCD_THRESHOLD = 0.5;

  /** Checks the threshold. */
  public CopyDetection {
    Objects.requireNonNull(extractor, "extractor");
    Preconditions.checkArgument(
        threshold >= -1 && threshold < 1, "threshold must be in [-1, 1), was %s", threshold);
  }

  /**
   * Compares images with originals. The score of an image is that of its nearest original.
   *
   * @param images the images to check, at least one
   * @param originals the originals, at least one
   * @return one score for each image
   * @throws IllegalArgumentException if one of the lists is empty
   */
  public CopyScores score(List<BufferedImage> images, List<BufferedImage> originals) {
    Preconditions.checkArgument(!originals.isEmpty(), "originals must not be empty");
    Preconditions.checkArgument(!images.isEmpty(), "images must not be empty");
    return score(extractor.extract(images), extractor.extract(originals));
  }

  /**
   * Compares many images with originals, batch by batch. The score of an image is that of its
   * nearest original.
   *
   * @param images the images to check, at least one
   * @param originals the originals, at least one
   * @param batchSize maximum number of images in memory at a time, positive
   * @param listener called after each batch, on the calling thread
   * @return one score for each image
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
