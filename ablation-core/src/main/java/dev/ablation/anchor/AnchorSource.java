package dev.ablation.anchor;

import ai.djl.ndarray.NDManager;
import dev.ablation.model.LatentCodec;
import java.awt.image.BufferedImage;
import java.util.random.RandomGenerator;

/**
 * Source of the latents of an {@link AnchorSet}: an array, or images that are augmented and encoded
 * again each time. The result depends only on the rows and the random numbers.
 */
public interface AnchorSource extends AutoCloseable {

  /**
   * Returns images for training on target and anchor prompts.
   *
   * @param rows indices of the images, at least one; repetitions are allowed
   * @param random the only source of randomness
   * @param scope owner of the result
   * @return the images in the order of {@code rows}
   */
  AnchorBatch draw(int[] rows, RandomGenerator random, NDManager scope);

  /**
   * Returns images for prior preservation, which some augmentations treat differently.
   *
   * @param rows indices of the images, at least one; repetitions are allowed
   * @param random the only source of randomness
   * @param scope owner of the result
   * @return the images in the order of {@code rows}
   */
  default AnchorBatch drawPrior(int[] rows, RandomGenerator random, NDManager scope) {
    return draw(rows, random, scope);
  }

  /**
   * Returns an image before any augmentation.
   *
   * @param row index of the image
   * @param codec the model's codec, for sources that hold only latents
   * @return the image
   */
  BufferedImage image(int row, LatentCodec codec);

  /** Releases the source's memory. */
  @Override
  void close();
}
