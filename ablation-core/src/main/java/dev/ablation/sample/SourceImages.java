package dev.ablation.sample;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.common.base.Preconditions;
import dev.ablation.model.LatentCodec;
import dev.ablation.model.LatentSize;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.List;

/**
 * Images to start from.
 *
 * @param images one for all drawn images or one for each
 * @param masks as many, white where the image is drawn anew; none to change all of it
 * @param strength share of the steps that are made, above 0, at most 1
 */
record SourceImages(List<BufferedImage> images, List<BufferedImage> masks, double strength) {
  /** Published weights of red, green and blue in a gray value (ITU-R BT.601), times 1000. */
  private static final int[] LUMA = {299, 587, 114};

  private static final int WHITE = 128;

  SourceImages {
    images = List.copyOf(images);
    masks = List.copyOf(masks);
    Preconditions.checkArgument(!images.isEmpty(), "images must not be empty");
    Preconditions.checkArgument(
        masks.isEmpty() || masks.size() == images.size(),
        "masks: expected %s, as many as images, were %s",
        images.size(),
        masks.size());
    Preconditions.checkArgument(
        strength > 0 && strength <= 1, "strength must be above 0 and at most 1, was %s", strength);
    int width = images.get(0).getWidth();
    int height = images.get(0).getHeight();
    List<BufferedImage> all = new ArrayList<>(images);
    all.addAll(masks);
    for (BufferedImage image : all) {
      Preconditions.checkArgument(
          image.getWidth() == width && image.getHeight() == height,
          "images and masks must have one size; expected width and height %s x %s, was %s x %s",
          width,
          height,
          image.getWidth(),
          image.getHeight());
    }
  }

  private int width() {
    return images.get(0).getWidth();
  }

  private int height() {
    return images.get(0).getHeight();
  }

  /** The size of the latents of these images. */
  LatentSize latentSize(LatentCodec codec) {
    int factor = codec.downscaling();
    Preconditions.checkArgument(
        width() % factor == 0 && height() % factor == 0,
        "images: expected width and height in multiples of %s, was %s x %s",
        factor,
        width(),
        height());
    return new LatentSize(height() / factor, width() / factor);
  }

  boolean masked() {
    return !masks.isEmpty();
  }

  /**
   * The number of sampling steps that are left out.
   *
   * @throws IllegalArgumentException if none remains
   */
  int skipped(int steps) {
    int made = Math.min((int) (steps * strength), steps);
    if (made == 0) {
      throw new IllegalArgumentException(
          "strength %s leaves none of %d steps; expected at least 1".formatted(strength, steps));
    }
    return steps - made;
  }

  void checkCount(int prompts) {
    Preconditions.checkArgument(
        images.size() == 1 || images.size() == prompts,
        "images: expected 1, or %s, one for each prompt, were %s",
        prompts,
        images.size());
  }

  /** Pixels of some of the images in -1..1, shape (n, 3, h, w), owned by {@code scope}. */
  NDArray pixels(int first, int count, NDManager scope) {
    try (NDArray bytes = Images.array(some(images, first, count), scope)) {
      return Images.toSigned(bytes);
    }
  }

  /** Masks of some of the images, 1 where they are drawn anew, else 0, shape (n, 1, h, w). */
  NDArray masks(int first, int count, NDManager scope) {
    float[] values = new float[count * height() * width()];
    int next = 0;
    for (BufferedImage mask : some(masks, first, count)) {
      for (int pixel : mask.getRGB(0, 0, width(), height(), null, 0, width())) {
        values[next++] = isWhite(pixel) ? 1 : 0;
      }
    }
    return scope
        .create(values, new Shape(count, 1, height(), width()))
        .toDevice(scope.getDevice(), false);
  }

  /** Masks as {@link #masks}, of every pixel that the top left corner of a latent falls on. */
  NDArray latentMasks(int first, int count, LatentSize size, NDManager scope) {
    float[] values = new float[count * size.height() * size.width()];
    int next = 0;
    for (BufferedImage mask : some(masks, first, count)) {
      for (int y = 0; y < size.height(); y++) {
        for (int x = 0; x < size.width(); x++) {
          int pixel = mask.getRGB(x * width() / size.width(), y * height() / size.height());
          values[next++] = isWhite(pixel) ? 1 : 0;
        }
      }
    }
    return scope
        .create(values, new Shape(count, 1, size.height(), size.width()))
        .toDevice(scope.getDevice(), false);
  }

  private static boolean isWhite(int pixel) {
    int gray =
        LUMA[0] * (pixel >> 16 & 0xff) + LUMA[1] * (pixel >> 8 & 0xff) + LUMA[2] * (pixel & 0xff);
    return gray >= 1000 * WHITE;
  }

  private static List<BufferedImage> some(List<BufferedImage> all, int first, int count) {
    List<BufferedImage> some = new ArrayList<>();
    for (int i = first; i < first + count; i++) {
      some.add(all.size() == 1 ? all.get(0) : all.get(i));
    }
    return some;
  }
}
