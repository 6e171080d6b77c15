package dev.ablation.sample;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import com.google.common.base.Preconditions;
import dev.ablation.model.LatentCodec;
import java.awt.image.BufferedImage;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * Images as arrays and as images. Arrays have shape {@code (n, 3, h, w)}: red, green and blue of n
 * images. They hold one of three ranges: float32 in -1..1 as a {@link LatentCodec} works on them,
 * float32 in 0..1, or uint8.
 *
 * {@snippet class="dev.ablation.Snippets" region="images"}
 */
public final class Images {
  private Images() {}

  /**
   * Decodes latents.
   *
   * @param codec the model's
   * @param latents shape {@code (n, C, H, W)}; the caller keeps ownership
   * @param batchSize maximum number of images decoded together, positive
   * @param owner of the result
   * @return images, uint8, on the latents' device
   */
  public static NDArray decode(LatentCodec codec, NDArray latents, int batchSize, NDManager owner) {
    Preconditions.checkArgument(batchSize > 0, "batchSize must be positive, was %s", batchSize);
    long count = latents.getShape().get(0);
    try (NDManager scope = latents.getManager().newSubManager()) {
      NDList parts = new NDList();
      for (long first = 0; first < count; first += batchSize) {
        try (NDManager batch = scope.newSubManager()) {
          NDArray some = latents.get(first + ":" + Math.min(first + batchSize, count));
          some.attach(batch);
          NDArray part = toBytes(toUnit(codec.decode(some)));
          part.attach(scope);
          parts.add(part);
        }
      }
      NDArray images = parts.size() == 1 ? parts.get(0) : NDArrays.concat(parts, 0);
      images.attach(owner);
      return images;
    }
  }

  /**
   * Maps -1..1 to 0..1 and clamps.
   *
   * @param images float32 in -1..1
   * @return float32 in 0..1, attached to the manager of {@code images}
   */
  public static NDArray toUnit(NDArray images) {
    try (NDArray unit = images.mul(0.5).addi(0.5)) {
      return unit.clip(0, 1);
    }
  }

  /**
   * Rounds 0..1 to bytes: {@code 255 x} to the nearest integer, ties to even.
   *
   * @param images float32 in 0..1
   * @return uint8, attached to the manager of {@code images}
   */
  public static NDArray toBytes(NDArray images) {
    try (NDArray scaled = images.mul(255);
        NDArray rounded = scaled.round()) {
      return rounded.toType(DataType.UINT8, true);
    }
  }

  /**
   * Maps bytes to -1..1: {@code x / 127.5 - 1}.
   *
   * @param images uint8
   * @return float32, attached to the manager of {@code images}
   */
  public static NDArray toSigned(NDArray images) {
    checkBytes(images);
    return images.toType(DataType.FLOAT32, true).divi(127.5).subi(1);
  }

  /**
   * Converts an array to images.
   *
   * @param images uint8, shape {@code (n, 3, h, w)}
   * @return n images, RGB
   * @throws IllegalArgumentException if type or shape differ
   */
  public static List<BufferedImage> images(NDArray images) {
    checkBytes(images);
    Shape shape = images.getShape();
    Preconditions.checkArgument(
        shape.dimension() == 4 && shape.get(1) == 3,
        "images: expected (n, 3, h, w), was %s",
        shape);
    int height = Math.toIntExact(shape.get(2));
    int width = Math.toIntExact(shape.get(3));
    int plane = height * width;
    byte[] bytes = images.toByteArray();
    List<BufferedImage> rasters = new ArrayList<>();
    for (int i = 0; i < shape.get(0); i++) {
      int[] pixels = new int[plane];
      for (int k = 0; k < plane; k++) {
        int red = 3 * plane * i + k;
        pixels[k] =
            ((bytes[red] & 0xff) << 16)
                | ((bytes[red + plane] & 0xff) << 8)
                | (bytes[red + 2 * plane] & 0xff);
      }
      BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
      image.setRGB(0, 0, width, height, pixels, 0, width);
      rasters.add(image);
    }
    return rasters;
  }

  /**
   * Converts images to an array. Transparency is dropped.
   *
   * @param images at least one, all of the same size
   * @param manager owner of the result
   * @return uint8, shape {@code (n, 3, h, w)}, on the manager's device
   * @throws IllegalArgumentException if there is no image or the sizes differ
   */
  public static NDArray array(List<BufferedImage> images, NDManager manager) {
    Preconditions.checkArgument(!images.isEmpty(), "images must not be empty");
    int height = images.get(0).getHeight();
    int width = images.get(0).getWidth();
    int plane = height * width;
    byte[] bytes = new byte[Math.multiplyExact(3 * plane, images.size())];
    for (int i = 0; i < images.size(); i++) {
      BufferedImage image = images.get(i);
      if (image.getWidth() != width || image.getHeight() != height) {
        throw new IllegalArgumentException(
            "images: expected width and height %d x %d, was %d x %d at index %d"
                .formatted(width, height, image.getWidth(), image.getHeight(), i));
      }
      int[] pixels = image.getRGB(0, 0, width, height, null, 0, width);
      for (int k = 0; k < plane; k++) {
        int red = 3 * plane * i + k;
        bytes[red] = (byte) (pixels[k] >> 16);
        bytes[red + plane] = (byte) (pixels[k] >> 8);
        bytes[red + 2 * plane] = (byte) pixels[k];
      }
    }
    return manager.create(
        ByteBuffer.wrap(bytes), new Shape(images.size(), 3, height, width), DataType.UINT8);
  }

  private static void checkBytes(NDArray images) {
    Preconditions.checkArgument(
        images.getDataType() == DataType.UINT8,
        "images: expected uint8, was %s",
        images.getDataType());
  }
}
