package dev.ablation.model;

import ai.djl.ndarray.types.Shape;
import com.google.common.base.Preconditions;

/**
 * The size of latents; an image is {@link LatentCodec#downscaling()} times as large.
 *
 * @param height H, positive
 * @param width W, positive
 */
public record LatentSize(int height, int width) {

  /** Checks that both are positive. */
  public LatentSize {
    Preconditions.checkArgument(height > 0, "height must be positive, was %s", height);
    Preconditions.checkArgument(width > 0, "width must be positive, was %s", width);
  }

  /**
   * Returns the size of an array of latents.
   *
   * @param latents shape {@code (..., H, W)}
   * @return the size
   */
  public static LatentSize of(Shape latents) {
    int last = latents.dimension() - 1;
    Preconditions.checkArgument(last >= 1, "latents: expected (..., H, W), was %s", latents);
    return new LatentSize(
        Math.toIntExact(latents.get(last - 1)), Math.toIntExact(latents.get(last)));
  }
}
