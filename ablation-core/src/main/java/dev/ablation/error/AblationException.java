package dev.ablation.error;

import org.jspecify.annotations.Nullable;

/**
 * Root of the exceptions that are this library's own. Misuse of the interface (a wrong argument, a
 * call at the wrong moment) is told by the exceptions of the JDK; a subclass of this one stands for
 * something that a caller can act on and carries the data for it, so that no message needs parsing.
 */
public abstract class AblationException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * Creates the exception.
   *
   * @param message what happened, with the values that matter
   */
  protected AblationException(String message) {
    super(message);
  }

  /**
   * Creates the exception.
   *
   * @param message what happened, with the values that matter
   * @param cause what led to it, or {@code null}
   */
  protected AblationException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
