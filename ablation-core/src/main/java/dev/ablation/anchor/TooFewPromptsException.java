package dev.ablation.anchor;

import dev.ablation.error.AblationException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Thrown if a {@link PromptSource} gave fewer usable prompts than requested. */
public final class TooFewPromptsException extends AblationException {
  private static final long serialVersionUID = 1L;

  /** The usable prompts. */
  private final transient @Nullable List<String> found;

  /** The number of requested prompts. */
  private final int wanted;

  /**
   * Creates the exception.
   *
   * @param message how many prompts were found for the request
   * @param found the usable prompts
   * @param wanted number of requested prompts
   * @param cause the error that ended the search, or {@code null}
   */
  public TooFewPromptsException(
      String message, List<String> found, int wanted, @Nullable Throwable cause) {
    super(message, cause);
    this.found = List.copyOf(found);
    this.wanted = wanted;
  }

  /** {@return the usable prompts, fewer than wanted; a caller may continue with them} */
  public List<String> found() {
    return found == null ? List.of() : found;
  }

  /** {@return the number of requested prompts} */
  public int wanted() {
    return wanted;
  }
}
