package dev.ablation.memorized;

import dev.ablation.error.AblationException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Thrown if a {@link MemorizationSurvey} finds too few paraphrases that do not reproduce the image.
 */
public final class TooFewParaphrasesException extends AblationException {
  private static final long serialVersionUID = 1L;

  /** The number of anchor prompts found. */
  private final int found;

  /** The number of required anchor prompts. */
  private final int needed;

  /** The rated paraphrases. */
  private final transient @Nullable List<CopyRate> paraphrases;

  TooFewParaphrasesException(
      String message,
      int found,
      int needed,
      List<CopyRate> paraphrases,
      @Nullable Throwable cause) {
    super(message, cause);
    this.found = found;
    this.needed = needed;
    this.paraphrases = List.copyOf(paraphrases);
  }

  /** {@return the number of anchor prompts found} */
  public int found() {
    return found;
  }

  /** {@return the number of required anchor prompts} */
  public int needed() {
    return needed;
  }

  /** {@return every rated paraphrase with its copy rate, in order} */
  public List<CopyRate> paraphrases() {
    return paraphrases == null ? List.of() : paraphrases;
  }
}
