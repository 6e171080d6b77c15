package dev.ablation.metric;

import com.google.common.base.Preconditions;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * Computes feature vectors of images: a network such as CLIP or SSCD, or a simple computation such
 * as {@link PooledPixels}. Not thread-safe.
 *
 * {@snippet class="dev.ablation.Snippets" region="feature-extractor"}
 */
public interface FeatureExtractor {

  /** {@return a description of the extractor} */
  ExtractorInfo info();

  /**
   * Extracts the features of a batch.
   *
   * @param images at least one image, of any size and type; transparency is ignored
   * @return one row for each image, in their order
   * @throws IllegalArgumentException if there is no image or the extractor cannot use one
   */
  FeatureMatrix extract(List<BufferedImage> images);

  /**
   * Extracts the features of many images, batch by batch, so that only one batch is in memory.
   *
   * @param images the images, at least one
   * @param batchSize maximum number of images in memory at a time, positive
   * @param listener called after each batch, on the calling thread
   * @return one row for each image, in their order
   * @throws IOException if an image cannot be read; the message names its file
   * @throws IllegalArgumentException if there is no image or the extractor cannot use one
   */
  default FeatureMatrix extract(
      ImageSource images, int batchSize, Consumer<? super EvaluationProgress> listener)
      throws IOException {
    Preconditions.checkArgument(batchSize > 0, "batchSize must be positive, was %s", batchSize);
    int count = images.count();
    Preconditions.checkArgument(count > 0, "images must not be empty");
    List<FeatureMatrix> parts = new ArrayList<>();
    for (int first = 0; first < count; first += batchSize) {
      int end = Math.min(count, first + batchSize);
      List<BufferedImage> batch = new ArrayList<>();
      for (int i = first; i < end; i++) {
        batch.add(images.image(i));
      }
      parts.add(extract(batch));
      listener.accept(new EvaluationProgress("features of " + info().name(), end, count));
    }
    return FeatureMatrix.concat(parts);
  }
}
