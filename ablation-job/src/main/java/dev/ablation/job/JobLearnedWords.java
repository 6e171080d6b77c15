package dev.ablation.job;

import dev.ablation.job.internal.Described;
import dev.ablation.job.internal.Shorthand;
import org.jspecify.annotations.Nullable;

/**
 * Words that redirection learns for the target, as an attacker would, and trains against.
 *
 * @param count how many take turns; 0 for none. Default: 2
 * @param steps of textual inversion that a word makes before each step of training. Default: 6
 * @param placeholder a word that is one token of the model and occurs in no prompt, which the
 *     learned words take the place of. Default: {@code sks}; the emoji model has its own
 * @param learningRate of words. Default: 0.02
 * @param restartEvery after how many steps of training one of the words begins again; 0 for never.
 *     Default: 80
 */
@Shorthand("count")
public record JobLearnedWords(
    @Described("How many take turns; 0 for none. Default: 2.") @Nullable Integer count,
    @Described(
            value =
                "Steps of textual inversion that a word makes before each step of training. Few words that learn much resist more than many that learn little. Default: 6.",
            positive = true)
        @Nullable Integer steps,
    @Described(
            "A word that is one token of the model and occurs in no prompt, which the learned words take the place of. Default: `sks`; the emoji model has its own.")
        @Nullable String placeholder,
    @Described(value = "Learning rate of words. Default: 0.02.", positive = true)
        @Nullable Double learningRate,
    @Described(
            "After how many steps of training one of the words begins again; 0 for never. Default: 80.")
        @Nullable Integer restartEvery) {

  /** Checks the values. */
  public JobLearnedWords {
    notNegative("count of words", count);
    notNegative("restartEvery", restartEvery);
  }

  private static void notNegative(String name, @Nullable Integer value) {
    if (value != null && value < 0) {
      throw new IllegalArgumentException(name + " must not be negative, was " + value);
    }
  }
}
