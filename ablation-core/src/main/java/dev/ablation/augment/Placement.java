package dev.ablation.augment;

import org.jspecify.annotations.Nullable;

/**
 * The place of a scaled image on the canvas. An image that is larger than the canvas is cropped:
 * the canvas shows the part that begins at (top, left) of the image. A smaller one is pasted with
 * its corner at (top, left) of the canvas.
 *
 * @param height height of the scaled image
 * @param width width of the scaled image
 * @param top see above
 * @param left see above
 * @param border whether latent pixels at the edge of a pasted image do not count
 */
record Placement(int height, int width, int top, int left, boolean border) {

  static Placement full(Canvas canvas, boolean border) {
    return new Placement(canvas.height(), canvas.width(), 0, 0, border);
  }

  boolean isCut(Canvas canvas) {
    return height > canvas.height() || width > canvas.width();
  }

  /** Returns 1 for each latent pixel that counts, else 0; {@code null} if all do. */
  float @Nullable [] mask(Canvas canvas) {
    if (!border || isCut(canvas)) {
      return null;
    }
    int factor = canvas.downscaling();
    float[] mask = new float[canvas.latentHeight() * canvas.latentWidth()];
    for (int row = top / factor + 1; row < (top + height) / factor - 1; row++) {
      for (int column = left / factor + 1; column < (left + width) / factor - 1; column++) {
        mask[row * canvas.latentWidth() + column] = 1;
      }
    }
    return mask;
  }

  /** Returns whether at least one latent pixel counts. */
  boolean isSeen(Canvas canvas) {
    int factor = canvas.downscaling();
    return !border
        || isCut(canvas)
        || (top / factor + 1 < (top + height) / factor - 1
            && left / factor + 1 < (left + width) / factor - 1);
  }
}
