package dev.ablation.djl;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.model.Conditioning;
import dev.ablation.model.InpaintingCondition;
import dev.ablation.model.LatentCodec;
import dev.ablation.model.LatentSize;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The conditions of an inpainting UNet, whose first convolution takes the latents, the mask and the
 * latents of the masked image, in this order of the channels.
 */
final class MaskedImages implements InpaintingCondition {
  static final Set<String> NAMES = Set.of(Conditioning.MASK, Conditioning.MASKED_IMAGE_LATENTS);

  private static final Kernel JOIN = Kernel.of("(a, b, c): return torch.cat([a, b, c], 1)");

  private static final Kernel BINARY = Kernel.of("(m, x): return (m >= 0.5).to(x.dtype)");

  private static final Kernel VISIBLE = Kernel.of("(x, m): return x * (m < 0.5)");

  private static final int RGB = 3;

  private final LatentCodec codec;
  private final Kernel nearest;

  /** Latents of an empty image, outside the engine so that a call leaves no array behind. */
  private final Map<LatentSize, float[]> empty = new ConcurrentHashMap<>();

  private final NDManager manager;

  MaskedImages(LatentCodec codec, NDManager manager) {
    this.codec = codec;
    this.manager = manager;
    int factor = codec.downscaling();
    nearest = Kernel.of("(m): return m[:, :, 0::%d, 0::%d].contiguous()".formatted(factor, factor));
  }

  /** Whether a UNet with so many channels takes a mask and a masked image. */
  static boolean fits(int channels, int latentChannels) {
    return channels == 2 * latentChannels + 1;
  }

  @Override
  public Map<String, NDArray> of(
      NDArray images, NDArray masks, @Nullable NDArray noise, NDManager scope) {
    Shape shape = images.getShape();
    if (shape.dimension() != 4
        || !masks.getShape().equals(new Shape(shape.get(0), 1, shape.get(2), shape.get(3)))) {
      throw new IllegalArgumentException(
          "masks: expected (B, 1, h, w) for images (B, %d, h, w), was %s for %s"
              .formatted(RGB, masks.getShape(), shape));
    }
    return GradMode.with(
        false,
        () -> {
          try (NDArray visible = VISIBLE.call(images, masks);
              NDArray small = nearest.call(masks)) {
            Map<String, NDArray> made = new LinkedHashMap<>();
            made.put(Conditioning.MASK, BINARY.call(small, images));
            made.put(Conditioning.MASKED_IMAGE_LATENTS, codec.encode(visible, noise));
            made.values().forEach(array -> array.attach(scope));
            return made;
          }
        });
  }

  /** The conditions of rows without an image: all of it is drawn, and nothing is around. */
  Map<String, NDArray> ofNone(long rows, LatentSize size, NDManager scope) {
    float[] latents = empty.computeIfAbsent(size, this::emptyLatents);
    long plane = (long) size.height() * size.width();
    Shape shape = new Shape(1, latents.length / plane, size.height(), size.width());
    try (NDArray values = manager.create(latents, shape)) {
      // A copy of the engine's own, which a recorded convolution may retain.
      NDArray image = values.repeat(0, rows);
      image.attach(scope);
      Shape mask = new Shape(rows, 1, size.height(), size.width());
      return Map.of(
          Conditioning.MASK,
          scope.ones(mask, DataType.FLOAT32),
          Conditioning.MASKED_IMAGE_LATENTS,
          image);
    }
  }

  private float[] emptyLatents(LatentSize size) {
    int factor = codec.downscaling();
    Shape shape = new Shape(1, RGB, (long) size.height() * factor, (long) size.width() * factor);
    try (NDManager temporary = manager.newSubManager()) {
      return codec.encode(temporary.zeros(shape, DataType.FLOAT32), null).toFloatArray();
    }
  }

  /** The input of the UNet. */
  static NDArray join(NDArray latents, Conditioning conditioning) {
    Shape shape = latents.getShape();
    NDArray mask = conditioning.get(Conditioning.MASK);
    NDArray image = conditioning.get(Conditioning.MASKED_IMAGE_LATENTS);
    check(Conditioning.MASK, mask, new Shape(shape.get(0), 1, shape.get(2), shape.get(3)));
    check(Conditioning.MASKED_IMAGE_LATENTS, image, shape);
    return JOIN.call(latents, mask, image);
  }

  private static void check(String name, NDArray array, Shape expected) {
    if (!array.getShape().equals(expected)) {
      throw new IllegalArgumentException(
          "conditioning: expected '%s' %s, was %s".formatted(name, expected, array.getShape()));
    }
  }
}
