package dev.ablation.emoji.dataset;

import java.awt.image.BufferedImage;
import java.util.Arrays;
import java.util.Objects;

/** An image of 64 by 64 pixels in red, green and blue, without transparency. Immutable. */
public final class RgbImage {
  /** Width and height, in pixels. */
  public static final int SIZE = 64;

  /** Red, green and blue. */
  public static final int CHANNELS = 3;

  private static final int PIXELS = SIZE * SIZE;
  private static final int BYTE = 0xff;

  /** Rows from the top, pixels from the left, red before green before blue. */
  private final byte[] rgb;

  private RgbImage(byte[] rgb) {
    this.rgb = rgb;
  }

  /**
   * Takes over pixels.
   *
   * @param rgb one unsigned byte a value: rows from the top, pixels from the left, red before green
   *     before blue, shape (64, 64, 3); copied
   * @return the image
   * @throws IllegalArgumentException if there are not 64 x 64 x 3 bytes
   */
  public static RgbImage of(byte[] rgb) {
    if (rgb.length != PIXELS * CHANNELS) {
      throw new IllegalArgumentException(
          "rgb must have %d bytes, has %d".formatted(PIXELS * CHANNELS, rgb.length));
    }
    return new RgbImage(rgb.clone());
  }

  /**
   * Takes over an image. Transparency is left out.
   *
   * @param image 64 by 64 pixels; copied
   * @return the image
   * @throws IllegalArgumentException if the image has another size
   */
  public static RgbImage of(BufferedImage image) {
    if (image.getWidth() != SIZE || image.getHeight() != SIZE) {
      throw new IllegalArgumentException(
          "image must be 64 x 64, was %d x %d".formatted(image.getWidth(), image.getHeight()));
    }
    return cut(image, 0, 0);
  }

  /** Copies what is at (left, top) of a larger image. */
  static RgbImage cut(BufferedImage image, int left, int top) {
    int[] packed = image.getRGB(left, top, SIZE, SIZE, null, 0, SIZE);
    byte[] rgb = new byte[PIXELS * CHANNELS];
    for (int i = 0; i < PIXELS; i++) {
      rgb[CHANNELS * i] = (byte) (packed[i] >> 16);
      rgb[CHANNELS * i + 1] = (byte) (packed[i] >> 8);
      rgb[CHANNELS * i + 2] = (byte) packed[i];
    }
    return new RgbImage(rgb);
  }

  /**
   * Takes over what a model drew: values are clamped and rounded.
   *
   * @param planes values from -1 to 1 of one or more images, shape (n, 3, 64, 64); copied
   * @param offset where the image begins
   * @return the image
   * @throws IndexOutOfBoundsException if the array ends before the image does
   */
  public static RgbImage fromPlanes(float[] planes, int offset) {
    Objects.checkFromIndexSize(offset, PIXELS * CHANNELS, planes.length);
    byte[] rgb = new byte[PIXELS * CHANNELS];
    for (int c = 0; c < CHANNELS; c++) {
      for (int i = 0; i < PIXELS; i++) {
        float value = (planes[offset + c * PIXELS + i] + 1) * 127.5f;
        rgb[CHANNELS * i + c] = (byte) Math.round(Math.min(255, Math.max(0, value)));
      }
    }
    return new RgbImage(rgb);
  }

  /**
   * Writes the values that models take: from -1 to 1, channel by channel.
   *
   * @param planes where to, shape (n, 3, 64, 64); the caller's
   * @param offset where the image begins
   * @throws IndexOutOfBoundsException if the array ends before the image does
   */
  public void copyToPlanes(float[] planes, int offset) {
    Objects.checkFromIndexSize(offset, PIXELS * CHANNELS, planes.length);
    for (int c = 0; c < CHANNELS; c++) {
      for (int i = 0; i < PIXELS; i++) {
        planes[offset + c * PIXELS + i] = (rgb[CHANNELS * i + c] & BYTE) / 127.5f - 1;
      }
    }
  }

  /**
   * Returns one value.
   *
   * @param x column, from the left
   * @param y row, from the top
   * @param channel 0 for red, 1 for green, 2 for blue
   * @return from 0 to 255
   * @throws IndexOutOfBoundsException if there is no such value
   */
  public int value(int x, int y, int channel) {
    Objects.checkIndex(x, SIZE);
    Objects.checkIndex(y, SIZE);
    Objects.checkIndex(channel, CHANNELS);
    return rgb[CHANNELS * (y * SIZE + x) + channel] & BYTE;
  }

  /**
   * Returns the pixels.
   *
   * @return a copy, as {@link #of(byte[])} takes it
   */
  public byte[] toBytes() {
    return rgb.clone();
  }

  /**
   * Draws the image.
   *
   * @return a new image of type {@link BufferedImage#TYPE_INT_RGB}
   */
  public BufferedImage toImage() {
    BufferedImage image = new BufferedImage(SIZE, SIZE, BufferedImage.TYPE_INT_RGB);
    for (int y = 0; y < SIZE; y++) {
      for (int x = 0; x < SIZE; x++) {
        image.setRGB(x, y, value(x, y, 0) << 16 | value(x, y, 1) << 8 | value(x, y, 2));
      }
    }
    return image;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof RgbImage image && Arrays.equals(rgb, image.rgb);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(rgb);
  }

  /** Tells the size and a hash: enough to see that two images differ. */
  @Override
  public String toString() {
    return "RGB image 64 x 64 #%08x".formatted(hashCode());
  }
}
