package dev.ablation.augment;

import java.util.random.RandomGenerator;

/**
 * How training chooses the part of an image that an inpainting model draws. An immutable value with
 * {@code equals}.
 */
public interface MaskSampling {

  /**
   * Draws a mask.
   *
   * @param height of the image in pixels, positive
   * @param width of the image in pixels, positive
   * @param random the only source of randomness
   * @return {@code height * width} values, row by row: whether a pixel is drawn anew
   */
  boolean[] draw(int height, int width, RandomGenerator random);

  /** {@return the name for provenance, with every number} */
  String name();

  /**
   * {@return rectangles and ellipses of random size and place, and for a quarter of the images all
   * of it, which is the share that the published inpainting models were trained with}
   */
  static MaskSampling shapes() {
    return shapes(0.25);
  }

  /**
   * Returns rectangles and ellipses of random size and place.
   *
   * @param whole share of the images of which all is drawn anew, from 0 to 1
   * @return the sampling
   */
  static MaskSampling shapes(double whole) {
    return new ShapeSampling(whole);
  }
}
