package dev.ablation.testing;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDScope;
import dev.ablation.model.LatentCodec;
import org.jspecify.annotations.Nullable;

/** A latent pixel is a square of equal image pixels, half as bright. */
// @start region="codec"
record TinyCodec(int channels) implements LatentCodec {
  private static final int FACTOR = 2;
  private static final float DEVIATION = 0.1f;

  @Override
  public int downscaling() {
    return FACTOR;
  }

  @Override
  public NDArray decode(NDArray latents) {
    check("latents", latents, 1);
    try (NDScope scope = new NDScope()) {
      scope.suppressNotUsedWarning();
      NDArray images = latents.mul(0.5f).repeat(2, FACTOR).repeat(3, FACTOR);
      NDScope.unregister(images);
      return images;
    }
  }

  @Override
  public NDArray encode(NDArray images, @Nullable NDArray noise) {
    check("images", images, FACTOR);
    try (NDScope scope = new NDScope()) {
      scope.suppressNotUsedWarning();
      long rows = images.getShape().get(2) / FACTOR;
      long columns = images.getShape().get(3) / FACTOR;
      NDArray latents =
          images
              .reshape(-1, channels, rows, FACTOR, columns, FACTOR)
              .mean(new int[] {5})
              .mean(new int[] {3})
              .mul(2);
      if (noise != null) {
        latents.addi(noise.mul(DEVIATION));
      }
      NDScope.unregister(latents);
      return latents;
    }
  }

  private void check(String name, NDArray array, int multiple) {
    if (array.getShape().dimension() != 4
        || array.getShape().get(1) != channels
        || array.getShape().get(2) % multiple != 0
        || array.getShape().get(3) % multiple != 0) {
      throw new IllegalArgumentException(
          "%s: expected (B, %d, h, w) with h and w multiples of %d, was %s"
              .formatted(name, channels, multiple, array.getShape()));
    }
  }
}
// @end
