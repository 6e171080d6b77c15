package dev.ablation.image;

import com.google.common.base.Preconditions;
import java.awt.image.BufferedImage;
import java.util.function.DoubleUnaryOperator;

/**
 * Filters for resizing images, byte for byte equal to Pillow's {@code Image.resize}. The filter
 * widens when an image shrinks, so that every pixel counts (antialiasing).
 *
 * <p>The rows are filtered first, then the columns, each with rounding to bytes and with weights of
 * 22 bits; a direction whose size does not change is skipped. (Recent versions of Pillow filter the
 * columns first if this is faster, which may change a value by one level.)
 *
 * {@snippet class="dev.ablation.Snippets" region="resize"}
 */
public enum Resampling {
  /** Mean of the covered pixels. */
  BOX(0.5, x -> x > -0.5 && x <= 0.5 ? 1 : 0),
  /** Linear interpolation. */
  BILINEAR(1, x -> Math.max(0, 1 - Math.abs(x))),
  /** Hamming window with the same support as {@link #BILINEAR}. */
  HAMMING(1, Resampling::hamming),
  /** Cubic convolution with a = -0.5 (Keys 1981). */
  BICUBIC(2, Resampling::cubic),
  /** Sinc with a window of three lobes. */
  LANCZOS(3, Resampling::lanczos);

  private static final int PRECISION = 22;

  private final double support;
  private final DoubleUnaryOperator filter;

  Resampling(double support, DoubleUnaryOperator filter) {
    this.support = support;
    this.filter = filter;
  }

  /**
   * Resizes an image.
   *
   * @param image an image of any type; transparency is dropped
   * @param width width of the result, positive
   * @param height height of the result, positive
   * @return a new RGB image
   */
  public BufferedImage resize(BufferedImage image, int width, int height) {
    checkSize(width, height);
    int[][] planes = Planes.of(image);
    for (int c = 0; c < planes.length; c++) {
      planes[c] = resize(planes[c], image.getWidth(), image.getHeight(), width, height);
    }
    return Planes.toImage(planes, width, height);
  }

  /**
   * Resizes one channel without rounding, as Pillow does with images of mode {@code F}. Values may
   * leave the range of the input, because some filters overshoot.
   *
   * @param plane {@code height * width} values, row by row
   * @param width width of the input
   * @param height height of the input
   * @param newWidth width of the result, positive
   * @param newHeight height of the result, positive
   * @return {@code newHeight * newWidth} values
   */
  public float[] resize(float[] plane, int width, int height, int newWidth, int newHeight) {
    checkSize(newWidth, newHeight);
    Preconditions.checkArgument(
        plane.length == width * height,
        "plane: expected %s values, was %s",
        width * height,
        plane.length);
    float[] rows = plane;
    if (newWidth != width) {
      Weights weights = weights(width, newWidth);
      rows = new float[height * newWidth];
      for (int y = 0; y < height; y++) {
        for (int x = 0; x < newWidth; x++) {
          rows[y * newWidth + x] = weights.sum(x, plane, y * width, 1);
        }
      }
    }
    if (newHeight == height) {
      return rows == plane ? plane.clone() : rows;
    }
    Weights weights = weights(height, newHeight);
    float[] result = new float[newHeight * newWidth];
    for (int y = 0; y < newHeight; y++) {
      for (int x = 0; x < newWidth; x++) {
        result[y * newWidth + x] = weights.sum(y, rows, x, newWidth);
      }
    }
    return result;
  }

  private int[] resize(int[] plane, int width, int height, int newWidth, int newHeight) {
    int[] rows = plane;
    if (newWidth != width) {
      Weights weights = weights(width, newWidth);
      rows = new int[height * newWidth];
      for (int y = 0; y < height; y++) {
        for (int x = 0; x < newWidth; x++) {
          rows[y * newWidth + x] = weights.sum(x, plane, y * width, 1);
        }
      }
    }
    if (newHeight == height) {
      return rows;
    }
    Weights weights = weights(height, newHeight);
    int[] result = new int[newHeight * newWidth];
    for (int y = 0; y < newHeight; y++) {
      for (int x = 0; x < newWidth; x++) {
        result[y * newWidth + x] = weights.sum(y, rows, x, newWidth);
      }
    }
    return result;
  }

  private static void checkSize(int width, int height) {
    Preconditions.checkArgument(
        width > 0 && height > 0, "width and height must be positive, were %s x %s", width, height);
  }

  private Weights weights(int size, int newSize) {
    double scale = (double) size / newSize;
    double wide = Math.max(1, scale);
    double reach = support * wide;
    int[] first = new int[newSize];
    double[][] weights = new double[newSize][];
    for (int i = 0; i < newSize; i++) {
      double centre = (i + 0.5) * scale;
      int from = Math.max(0, (int) (centre - reach + 0.5));
      int to = Math.min(size, (int) (centre + reach + 0.5));
      double[] of = new double[to - from];
      double total = 0;
      for (int k = 0; k < of.length; k++) {
        of[k] = filter.applyAsDouble((k + from - centre + 0.5) * (1 / wide));
        total += of[k];
      }
      for (int k = 0; k < of.length && total != 0; k++) {
        of[k] /= total;
      }
      first[i] = from;
      weights[i] = of;
    }
    return new Weights(first, weights);
  }

  /** For each pixel of the result, the first contributing pixel and the weights from there on. */
  private static final class Weights {
    private final int[] first;
    private final double[][] exact;
    private final int[][] fixed;

    Weights(int[] first, double[][] exact) {
      this.first = first;
      this.exact = exact;
      fixed = new int[exact.length][];
      for (int i = 0; i < exact.length; i++) {
        fixed[i] = new int[exact[i].length];
        for (int k = 0; k < exact[i].length; k++) {
          double scaled = exact[i][k] * (1 << PRECISION);
          fixed[i][k] = (int) (scaled + (scaled < 0 ? -0.5 : 0.5));
        }
      }
    }

    int sum(int to, int[] values, int start, int step) {
      int[] of = fixed[to];
      int sum = 1 << (PRECISION - 1);
      int at = start + first[to] * step;
      for (int weight : of) {
        sum += values[at] * weight;
        at += step;
      }
      return Math.max(0, Math.min(255, sum >> PRECISION));
    }

    float sum(int to, float[] values, int start, int step) {
      double sum = 0;
      int at = start + first[to] * step;
      for (double weight : exact[to]) {
        sum += values[at] * weight;
        at += step;
      }
      return (float) sum;
    }
  }

  private static double hamming(double x) {
    double t = Math.abs(x);
    if (t == 0) {
      return 1;
    }
    if (t >= 1) {
      return 0;
    }
    double angle = t * Math.PI;
    return Math.sin(angle) / angle * (0.54 + 0.46 * Math.cos(angle));
  }

  private static double cubic(double x) {
    double a = -0.5;
    double t = Math.abs(x);
    if (t < 1) {
      return ((a + 2) * t - (a + 3)) * t * t + 1;
    }
    return t < 2 ? (((t - 5) * t + 8) * t - 4) * a : 0;
  }

  private static double lanczos(double x) {
    return -3 <= x && x < 3 ? sinc(x) * sinc(x / 3) : 0;
  }

  private static double sinc(double x) {
    if (x == 0) {
      return 1;
    }
    double angle = x * Math.PI;
    return Math.sin(angle) / angle;
  }
}
