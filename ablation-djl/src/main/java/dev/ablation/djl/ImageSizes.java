package dev.ablation.djl;

import com.google.errorprone.annotations.CheckReturnValue;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The sizes that SDXL is conditioned on, in pixels (Podell et al. 2023, arXiv 2307.01952, section
 * 2.2). Immutable: each setter returns a changed copy.
 */
@CheckReturnValue
public final class ImageSizes {
  /** How many numbers the network sees. */
  static final int NUMBERS = 6;

  private final int[] numbers;

  private ImageSizes(int... numbers) {
    this.numbers = numbers;
  }

  /**
   * Describes an image that is used as it is: its original size is its own and nothing is cropped.
   *
   * @param height of the image, positive
   * @param width of the image, positive
   * @return the sizes
   */
  public static ImageSizes of(int height, int width) {
    check(height > 0 && width > 0, "target size must be positive", height, width);
    return new ImageSizes(height, width, 0, 0, height, width);
  }

  /**
   * Changes the size that the image had before it was scaled and cropped. Small ones draw blurred
   * images.
   *
   * @param height positive
   * @param width positive
   * @return a changed copy
   */
  public ImageSizes original(int height, int width) {
    check(height > 0 && width > 0, "original size must be positive", height, width);
    return new ImageSizes(height, width, numbers[2], numbers[3], numbers[4], numbers[5]);
  }

  /**
   * Changes where the image was cropped. Zeros draw centred objects.
   *
   * @param top first row, not negative
   * @param left first column, not negative
   * @return a changed copy
   */
  public ImageSizes crop(int top, int left) {
    check(top >= 0 && left >= 0, "crop must not be negative", top, left);
    return new ImageSizes(numbers[0], numbers[1], top, left, numbers[4], numbers[5]);
  }

  private static void check(boolean holds, String rule, int first, int second) {
    if (!holds) {
      throw new IllegalArgumentException("%s, was %d x %d".formatted(rule, first, second));
    }
  }

  /** Original height and width, top, left, target height and width. */
  float[] numbers() {
    float[] copy = new float[NUMBERS];
    for (int i = 0; i < NUMBERS; i++) {
      copy[i] = numbers[i];
    }
    return copy;
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof ImageSizes sizes && Arrays.equals(numbers, sizes.numbers);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(numbers);
  }

  @Override
  public String toString() {
    return "original %dx%d, crop (%d, %d), target %dx%d"
        .formatted(numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5]);
  }
}
