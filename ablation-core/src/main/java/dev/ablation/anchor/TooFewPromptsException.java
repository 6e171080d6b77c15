package dev.ablation.anchor;

import dev.ablation.error.AblationException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A {@link PromptSource} gave fewer usable prompts than were asked for. */
public final class TooFewPromptsException extends AblationException {
  private static final long serialVersionUID = 1L;

  /** What there is. */
  private final transient @Nullable List<String> found;

  /** How many were asked for. */
  private final int wanted;

  /**
   * Creates the exception.
   *
   * @param message what was found of what
   * @param found the usable prompts
   * @param wanted how many were asked for
   * @param cause what went wrong on the way, or {@code null}
   */
  public TooFewPromptsException(
      String message, List<String> found, int wanted, @Nullable Throwable cause) {
    super(message, cause);
    this.found = List.copyOf(found);
    this.wanted = wanted;
  }

  /** {@return the usable prompts, fewer than wanted; a caller may go on with them} */
  public List<String> found() {
    return found == null ? List.of() : found;
  }

  /** {@return how many were asked for} */
  public int wanted() {
    return wanted;
  }
}
