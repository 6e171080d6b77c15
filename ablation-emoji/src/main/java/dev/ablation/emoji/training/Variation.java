package dev.ablation.emoji.training;

import java.util.random.RandomGenerator;

/**
 * Small changes to an image that leave what it shows as it is: the UNet is trained on them, and the
 * evaluator is measured with them.
 */
public final class Variation {
  private static final double MAX_SHIFT = 2.5;
  private static final double MAX_SCALING = 0.07;
  private static final double MAX_TINT = 0.1;

  private Variation() {}

  /**
   * Draws a variant: moved by up to 2.5 pixels each way, scaled by up to 7 %, the distance from
   * white of each colour channel changed by up to 10 %.
   *
   * @param image values from -1 to 1, shape (3, 64, 64); not changed
   * @param random drawn from
   * @return new values
   */
  public static float[] of(float[] image, RandomGenerator random) {
    double[] tint = new double[Planes.CHANNELS];
    for (int c = 0; c < tint.length; c++) {
      tint[c] = 1 + MAX_TINT * (2 * random.nextDouble() - 1);
    }
    return Planes.moved(
        Planes.tinted(image, tint),
        MAX_SHIFT * (2 * random.nextDouble() - 1),
        MAX_SHIFT * (2 * random.nextDouble() - 1),
        1 + MAX_SCALING * (2 * random.nextDouble() - 1));
  }
}
