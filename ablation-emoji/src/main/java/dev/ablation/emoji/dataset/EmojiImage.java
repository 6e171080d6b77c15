package dev.ablation.emoji.dataset;

import java.util.Objects;

/**
 * An image of the data set.
 *
 * @param concept the object that it shows
 * @param style the emoji set that it is from
 * @param heldOut whether object and style are never trained on together, to measure whether a model
 *     composes
 * @param pixels the image
 */
public record EmojiImage(EmojiConcept concept, String style, boolean heldOut, RgbImage pixels) {

  /** Checks that all are there. */
  public EmojiImage {
    Objects.requireNonNull(concept, "concept");
    Objects.requireNonNull(style, "style");
    Objects.requireNonNull(pixels, "pixels");
  }
}
