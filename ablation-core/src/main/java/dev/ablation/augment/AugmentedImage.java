package dev.ablation.augment;

import com.google.common.base.Preconditions;
import org.jspecify.annotations.Nullable;

/**
 * An image as used in one training step.
 *
 * @param pixels red, then green, then blue, each row by row, in -1..1; of the canvas's size
 * @param mask 1 for each latent pixel that counts, else 0, row by row; {@code null} if all count
 * @param prefix text to put before the prompt, such as {@code "zoomed in "}; usually empty
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
public record AugmentedImage(float[] pixels, float @Nullable [] mask, String prefix) {

  /** Checks that there are three channels and that the mask has pixels that count. */
  public AugmentedImage {
    Preconditions.checkArgument(
        pixels.length > 0 && pixels.length % 3 == 0,
        "pixels must have three channels, were %s values",
        pixels.length);
    if (mask != null) {
      boolean counts = false;
      for (float value : mask) {
        counts |= value > 0;
      }
      Preconditions.checkArgument(counts, "at least one latent pixel of the mask must be 1");
    }
  }
}
