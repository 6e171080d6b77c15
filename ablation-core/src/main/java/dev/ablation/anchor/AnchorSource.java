package dev.ablation.anchor;

import ai.djl.ndarray.NDManager;
import dev.ablation.model.LatentCodec;
import java.awt.image.BufferedImage;
import java.util.random.RandomGenerator;

/**
 * Where the latents of an {@link AnchorSet} come from: an array that is kept, or images that are
 * changed and encoded anew each time. What is drawn depends on the rows and the random numbers
 * alone.
 */
public interface AnchorSource extends AutoCloseable {

  /**
   * Draws images for pairs of an anchor prompt and a target prompt.
   *
   * @param rows numbers of images, at least one; one may stand twice
   * @param random the only source of randomness
   * @param scope owner of the result
   * @return the images in the order asked for
   */
  AnchorBatch draw(int[] rows, RandomGenerator random, NDManager scope);

  /**
   * Draws images for prior preservation, which some augmentations treat differently.
   *
   * @param rows numbers of images, at least one; one may stand twice
   * @param random the only source of randomness
   * @param scope owner of the result
   * @return the images in the order asked for
   */
  default AnchorBatch drawPrior(int[] rows, RandomGenerator random, NDManager scope) {
    return draw(rows, random, scope);
  }

  /**
   * Returns an image as it is before any augmentation, for someone to look at.
   *
   * @param row number of the image
   * @param codec of the model, for sources that have latents alone
   * @return the image
   */
  BufferedImage image(int row, LatentCodec codec);

  /** Frees what the source holds. */
  @Override
  void close();
}
