package dev.ablation.augment;

import org.jspecify.annotations.Nullable;

/**
 * Where a scaled image lies on the canvas. One that is larger than the canvas is cut: the canvas
 * shows what begins at (top, left) of it. A smaller one is pasted with its corner at (top, left).
 *
 * @param height of the scaled image
 * @param width of the scaled image
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

  /** Returns which latent pixels count, {@code null} if all do, an array of zeros if none does. */
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

  /** Whether at least one latent pixel counts. */
  boolean isSeen(Canvas canvas) {
    int factor = canvas.downscaling();
    return !border
        || isCut(canvas)
        || (top / factor + 1 < (top + height) / factor - 1
            && left / factor + 1 < (left + width) / factor - 1);
  }
}
