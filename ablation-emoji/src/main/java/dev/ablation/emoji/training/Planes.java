package dev.ablation.emoji.training;

import dev.ablation.emoji.dataset.RgbImage;
import java.util.random.RandomGenerator;

/**
 * Changes to an image that is a stack of colour planes: values from -1 to 1, red before green
 * before blue, rows from the top. Every method returns new planes.
 */
final class Planes {
  static final int SIZE = RgbImage.SIZE;
  static final int PIXELS = SIZE * SIZE;
  static final int CHANNELS = RgbImage.CHANNELS;
  static final int VALUES = CHANNELS * PIXELS;

  private Planes() {}

  static float[] of(RgbImage image) {
    float[] planes = new float[VALUES];
    image.copyToPlanes(planes, 0);
    return planes;
  }

  static float[] mirrored(float[] planes) {
    float[] result = new float[VALUES];
    for (int row = 0; row < CHANNELS * SIZE; row++) {
      for (int x = 0; x < SIZE; x++) {
        result[row * SIZE + x] = planes[row * SIZE + SIZE - 1 - x];
      }
    }
    return result;
  }

  /** Puts the colour channels into another order. */
  static float[] reordered(float[] planes, int[] order) {
    float[] result = new float[VALUES];
    for (int c = 0; c < CHANNELS; c++) {
      System.arraycopy(planes, order[c] * PIXELS, result, c * PIXELS, PIXELS);
    }
    return result;
  }

  /** Returns 0, 1, 2 in random order. */
  static int[] order(RandomGenerator random) {
    int[] order = {0, 1, 2};
    for (int i = 2; i > 0; i--) {
      int other = random.nextInt(i + 1);
      int swapped = order[i];
      order[i] = order[other];
      order[other] = swapped;
    }
    return order;
  }

  /**
   * Moves and scales about the middle, bilinear; beyond the edge its pixels are repeated.
   *
   * @param right pixels to the right
   * @param down pixels down
   * @param scale above 1 enlarges
   */
  static float[] moved(float[] planes, double right, double down, double scale) {
    float[] result = new float[VALUES];
    double middle = (SIZE - 1) / 2.0;
    for (int y = 0; y < SIZE; y++) {
      double fromY = clamp((y - middle - down) / scale + middle);
      int y0 = (int) fromY;
      int y1 = Math.min(y0 + 1, SIZE - 1);
      float shareY = (float) (fromY - y0);
      for (int x = 0; x < SIZE; x++) {
        double fromX = clamp((x - middle - right) / scale + middle);
        int x0 = (int) fromX;
        int x1 = Math.min(x0 + 1, SIZE - 1);
        float shareX = (float) (fromX - x0);
        for (int c = 0; c < CHANNELS; c++) {
          int plane = c * PIXELS;
          float upper = mix(planes[plane + y0 * SIZE + x0], planes[plane + y0 * SIZE + x1], shareX);
          float lower = mix(planes[plane + y1 * SIZE + x0], planes[plane + y1 * SIZE + x1], shareX);
          result[plane + y * SIZE + x] = mix(upper, lower, shareY);
        }
      }
    }
    return result;
  }

  private static double clamp(double at) {
    return Math.min(SIZE - 1.0, Math.max(0, at));
  }

  private static float mix(float a, float b, float share) {
    return a + (b - a) * share;
  }

  /** Lays the image over a gradient between two random colours: white takes its colour. */
  static float[] onGradient(float[] planes, RandomGenerator random) {
    double angle = 2 * Math.PI * random.nextDouble();
    double dx = Math.cos(angle) / SIZE;
    double dy = Math.sin(angle) / SIZE;
    float[] from = colour(random);
    float[] to = colour(random);
    float[] result = new float[VALUES];
    for (int y = 0; y < SIZE; y++) {
      for (int x = 0; x < SIZE; x++) {
        float share =
            (float) Math.min(1, Math.max(0, 0.5 + (x - SIZE / 2) * dx + (y - SIZE / 2) * dy));
        for (int c = 0; c < CHANNELS; c++) {
          int at = c * PIXELS + y * SIZE + x;
          result[at] = (planes[at] + 1) * mix(from[c], to[c], share) - 1;
        }
      }
    }
    return result;
  }

  private static float[] colour(RandomGenerator random) {
    return new float[] {random.nextFloat(), random.nextFloat(), random.nextFloat()};
  }

  /**
   * Multiplies the distance from white of each channel, so that the background stays white.
   *
   * @param factors one a channel, about 1
   */
  static float[] tinted(float[] planes, double[] factors) {
    float[] result = new float[VALUES];
    for (int i = 0; i < VALUES; i++) {
      double value = 1 - (1 - planes[i]) * factors[i / PIXELS];
      result[i] = (float) Math.max(-1, value);
    }
    return result;
  }
}
