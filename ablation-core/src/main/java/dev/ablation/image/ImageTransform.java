package dev.ablation.image;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.common.base.Preconditions;
import java.awt.image.BufferedImage;
import java.util.List;
import java.util.Objects;

/**
 * Converts an image to the input of a network: resizes it, crops the center and maps bytes to
 * {@code (value / 255 - mean) / std} for each channel. Equal to torchvision's {@code Resize},
 * {@code CenterCrop}, {@code ToTensor} and {@code Normalize} on a Pillow image.
 *
 * {@snippet class="dev.ablation.Snippets" region="image-transform"}
 *
 * @param fit how {@code size} is applied
 * @param size size in pixels, positive; ignored by {@link Fit#AS_IS}
 * @param resampling filter for resizing
 * @param roundToBytes whether resizing rounds to 0..255, as Pillow does with a color image;
 *     otherwise it uses floating point and may overshoot, like clean-fid's resizing (Parmar et al.
 *     2022, arXiv 2104.11222)
 * @param crop side of the center crop; 0 for no crop
 * @param mean means of red, green and blue
 * @param std standard deviations of red, green and blue, positive
 */
public record ImageTransform(
    Fit fit,
    int size,
    Resampling resampling,
    boolean roundToBytes,
    int crop,
    List<Double> mean,
    List<Double> std) {

  /** Checks all values. */
  public ImageTransform {
    Objects.requireNonNull(fit, "fit");
    Objects.requireNonNull(resampling, "resampling");
    Preconditions.checkArgument(
        fit == Fit.AS_IS || size > 0, "size must be positive, was %s", size);
    Preconditions.checkArgument(crop >= 0, "crop must not be negative, was %s", crop);
    mean = List.copyOf(mean);
    std = List.copyOf(std);
    Preconditions.checkArgument(mean.size() == 3, "mean must have 3 values, was %s", mean);
    Preconditions.checkArgument(
        std.size() == 3 && std.stream().allMatch(s -> s > 0),
        "std must have 3 positive values, was %s",
        std);
  }

  /** How an image is resized. */
  public enum Fit {
    /** No resizing. */
    AS_IS,
    /** Resizes the shorter side to the size; the other keeps the aspect ratio, rounded down. */
    SHORTER_SIDE,
    /** Resizes both sides to the size; the aspect ratio changes. */
    BOTH_SIDES
  }

  /**
   * Returns CLIP's transform: the shorter side resized with bicubic interpolation, a center crop,
   * OpenAI's means and standard deviations (Radford et al. 2021).
   *
   * @param size size of the network's input, such as 224
   * @return the transform
   */
  public static ImageTransform clip(int size) {
    return new ImageTransform(
        Fit.SHORTER_SIDE,
        size,
        Resampling.BICUBIC,
        true,
        size,
        List.of(0.48145466, 0.4578275, 0.40821073),
        List.of(0.26862954, 0.26130258, 0.27577711));
  }

  /**
   * Returns the transform of SSCD and other networks trained on ImageNet: the shorter side resized
   * with bilinear interpolation, no crop, ImageNet's means and standard deviations.
   *
   * @param size size of the shorter side, such as 288 for SSCD
   * @return the transform
   */
  public static ImageTransform imageNet(int size) {
    return new ImageTransform(
        Fit.SHORTER_SIDE,
        size,
        Resampling.BILINEAR,
        true,
        0,
        List.of(0.485, 0.456, 0.406),
        List.of(0.229, 0.224, 0.225));
  }

  /**
   * Returns clean-fid's transform for Inception: both sides resized to 299 with bicubic
   * interpolation in floating point, range 0..255.
   *
   * @return the transform
   */
  public static ImageTransform cleanFid() {
    return new ImageTransform(
        Fit.BOTH_SIDES,
        299,
        Resampling.BICUBIC,
        false,
        0,
        List.of(0.0, 0.0, 0.0),
        List.of(1 / 255.0, 1 / 255.0, 1 / 255.0));
  }

  /**
   * Returns a transform without resizing that maps to -1..1.
   *
   * @return the transform
   */
  public static ImageTransform signed() {
    return new ImageTransform(
        Fit.AS_IS, 0, Resampling.BILINEAR, true, 0, List.of(0.5, 0.5, 0.5), List.of(0.5, 0.5, 0.5));
  }

  /**
   * Transforms images. All results must have the same height and width.
   *
   * @param images at least one image
   * @param owner owner of the result
   * @return shape {@code (n, 3, h, w)}, float32, on the owner's device
   * @throws IllegalArgumentException if there is no image, the sizes differ, or an image is smaller
   *     than the crop
   */
  public NDArray apply(List<BufferedImage> images, NDManager owner) {
    Preconditions.checkArgument(!images.isEmpty(), "images must not be empty");
    Size first = sizeOf(images.get(0));
    int count = 3 * first.height * first.width;
    float[] values = new float[Math.multiplyExact(count, images.size())];
    for (int i = 0; i < images.size(); i++) {
      BufferedImage image = images.get(i);
      Size size = sizeOf(image);
      if (!size.equals(first)) {
        throw new IllegalArgumentException(
            "images: expected width and height %d x %d after resizing, was %d x %d at index %d"
                .formatted(first.width, first.height, size.width, size.height, i));
      }
      System.arraycopy(values(image), 0, values, i * count, count);
    }
    return owner.create(values, new Shape(images.size(), 3, first.height, first.width));
  }

  /**
   * Returns the size of a transformed image.
   *
   * @param image any image
   * @return width and height of the network's input
   * @throws IllegalArgumentException if it is smaller than the crop
   */
  public Size sizeOf(BufferedImage image) {
    Size size = resized(image);
    if (crop == 0) {
      return size;
    }
    Preconditions.checkArgument(
        size.width >= crop && size.height >= crop,
        "image must be at least %s pixels wide and high, was %s x %s",
        crop,
        size.width,
        size.height);
    return new Size(crop, crop);
  }

  private Size resized(BufferedImage image) {
    int width = image.getWidth();
    int height = image.getHeight();
    return switch (fit) {
      case AS_IS -> new Size(width, height);
      case BOTH_SIDES -> new Size(size, size);
      case SHORTER_SIDE ->
          width <= height
              ? new Size(size, (int) ((long) size * height / width))
              : new Size((int) ((long) size * width / height), size);
    };
  }

  /**
   * Transforms one image without an engine.
   *
   * @param image any image
   * @return red, then green, then blue, each row by row, of the size {@link #sizeOf}
   * @throws IllegalArgumentException if it is smaller than the crop
   */
  public float[] values(BufferedImage image) {
    Size whole = resized(image);
    Size out = sizeOf(image);
    float[] values = new float[3 * out.height * out.width];
    int to = 0;
    // torchvision rounds half a pixel to the even side
    int left = (int) Math.rint((whole.width - out.width) / 2.0);
    int top = (int) Math.rint((whole.height - out.height) / 2.0);
    BufferedImage source =
        roundToBytes ? resampling.resize(image, whole.width, whole.height) : image;
    int[][] planes = Planes.of(source);
    for (int c = 0; c < 3; c++) {
      float[] plane = new float[planes[c].length];
      for (int i = 0; i < plane.length; i++) {
        plane[i] = planes[c][i];
      }
      if (!roundToBytes) {
        plane =
            resampling.resize(
                plane, image.getWidth(), image.getHeight(), whole.width, whole.height);
      }
      float channelMean = mean.get(c).floatValue();
      float channelStd = std.get(c).floatValue();
      for (int y = 0; y < out.height; y++) {
        for (int x = 0; x < out.width; x++) {
          float unit = plane[(top + y) * whole.width + left + x] / 255f;
          values[to++] = (unit - channelMean) / channelStd;
        }
      }
    }
    return values;
  }

  /**
   * A size in pixels.
   *
   * @param width positive
   * @param height positive
   */
  public record Size(int width, int height) {}
}
