package dev.ablation.emoji.dataset;

import java.util.Objects;

/**
 * An object that the embedded model can draw in every style.
 *
 * @param name such as {@code "cat face"}
 * @param category a wider word, such as {@code "animal"}; the model takes it for any of its objects
 */
public record EmojiConcept(String name, String category) {

  /** Checks that both are there. */
  public EmojiConcept {
    Objects.requireNonNull(name, "name");
    Objects.requireNonNull(category, "category");
  }
}
