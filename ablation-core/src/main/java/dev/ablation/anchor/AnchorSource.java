package dev.ablation.anchor;

import ai.djl.ndarray.NDManager;
import dev.ablation.model.LatentCodec;
import java.awt.image.BufferedImage;
import java.util.random.RandomGenerator;

/**
 * Where the latents of an {@link AnchorSet} come from: an array that is kept, or pictures that are
 * changed and encoded anew each time. What is drawn depends on the rows and the random numbers
 * alone.
 */
public interface AnchorSource extends AutoCloseable {

  /**
   * Draws pictures for pairs of an anchor prompt and a target prompt.
   *
   * @param rows numbers of pictures, at least one; one may stand twice
   * @param random the only source of randomness
   * @param scope owner of the result
   * @return the pictures in the order asked for
   */
  AnchorRows draw(int[] rows, RandomGenerator random, NDManager scope);

  /**
   * Draws pictures for prior preservation, which some augmentations treat differently.
   *
   * @param rows numbers of pictures, at least one; one may stand twice
   * @param random the only source of randomness
   * @param scope owner of the result
   * @return the pictures in the order asked for
   */
  default AnchorRows drawPrior(int[] rows, RandomGenerator random, NDManager scope) {
    return draw(rows, random, scope);
  }

  /**
   * Returns a picture as it is before any augmentation, for someone to look at.
   *
   * @param row number of the picture
   * @param codec of the model, for sources that have latents alone
   * @return the picture
   */
  BufferedImage picture(int row, LatentCodec codec);

  /** Frees what the source holds. */
  @Override
  void close();
}
