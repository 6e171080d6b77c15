package dev.ablation.job;

import dev.ablation.job.internal.Described;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Settings of redirection.
 *
 * @param pairs images of target and anchor, each. Default: 96
 * @param keptImages images of what stays. Default: 192
 * @param keepWeight weight of what stays. Default: the recommended one
 * @param words learned words that training works against; 0 for none. Default: 2
 * @param placeholder a word that is one token of the model and occurs in no prompt, which the
 *     learned words take the place of. Default: {@code sks}; the emoji model has its own
 * @param neutralPrompts captions that name neither target nor anchor. Default: none; the emoji
 *     model has its own
 */
public record JobRedirection(
    @Described(value = "Images of target and anchor, each. Default: 96.", positive = true)
        @Nullable Integer pairs,
    @Described(value = "Images of what stays. Default: 192.", positive = true)
        @Nullable Integer keptImages,
    @Described(value = "Weight of what stays. Default: the recommended one.", positive = true)
        @Nullable Double keepWeight,
    @Described("Learned words that training works against; 0 for none. Default: 2.")
        @Nullable Integer words,
    @Described(
            "A word that is one token of the model and occurs in no prompt, which the learned words take the place of. Default: `sks`; the emoji model has its own.")
        @Nullable String placeholder,
    @Described(
            "Captions that name neither target nor anchor. Default: none; the emoji model has its own.")
        List<String> neutralPrompts) {

  /** Copies the list and checks the values. */
  public JobRedirection {
    neutralPrompts = neutralPrompts == null ? List.of() : List.copyOf(neutralPrompts);
    if (words != null && words < 0) {
      throw new IllegalArgumentException("words must not be negative, was " + words);
    }
  }
}
