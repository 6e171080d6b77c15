package dev.ablation.augment;

import com.google.common.base.Preconditions;

/**
 * The size of a model's images and latents.
 *
 * @param latentHeight height in latent pixels, positive
 * @param latentWidth width in latent pixels, positive
 * @param downscaling number of image pixels for each latent pixel, in each direction, positive
 */
public record Canvas(int latentHeight, int latentWidth, int downscaling) {

  /** Checks that all three are positive. */
  public Canvas {
    Preconditions.checkArgument(
        latentHeight > 0 && latentWidth > 0 && downscaling > 0,
        "latentHeight, latentWidth and downscaling must be positive, were %s, %s and %s",
        latentHeight,
        latentWidth,
        downscaling);
  }

  /** {@return the height in image pixels} */
  public int height() {
    return latentHeight * downscaling;
  }

  /** {@return the width in image pixels} */
  public int width() {
    return latentWidth * downscaling;
  }
}
