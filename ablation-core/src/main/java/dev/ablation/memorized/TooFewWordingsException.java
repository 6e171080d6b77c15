package dev.ablation.memorized;

import dev.ablation.error.AblationException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A {@link MemorizationSurvey} found too few prompts that do not bring the image back. */
public final class TooFewWordingsException extends AblationException {
  private static final long serialVersionUID = 1L;

  /** How many anchor prompts were found. */
  private final int found;

  /** How many are needed. */
  private final int needed;

  /** What was rated. */
  private final transient @Nullable List<CopyRate> wordings;

  TooFewWordingsException(
      String message, int found, int needed, List<CopyRate> wordings, @Nullable Throwable cause) {
    super(message, cause);
    this.found = found;
    this.needed = needed;
    this.wordings = List.copyOf(wordings);
  }

  /** {@return how many anchor prompts were found} */
  public int found() {
    return found;
  }

  /** {@return how many anchor prompts are needed} */
  public int needed() {
    return needed;
  }

  /** {@return every wording that was drawn, with its copy rate, in order} */
  public List<CopyRate> wordings() {
    return wordings == null ? List.of() : wordings;
  }
}
