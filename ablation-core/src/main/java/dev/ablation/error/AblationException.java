package dev.ablation.error;

import org.jspecify.annotations.Nullable;

/**
 * Base class of this library's own exceptions. Misuse of the API (a wrong argument, a call at the
 * wrong time) throws the JDK's exceptions instead. Each subclass is an error that a caller can act
 * on, and carries its data, so that callers need not parse messages.
 */
public abstract class AblationException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * Creates the exception.
   *
   * @param message what happened, with the relevant values
   */
  protected AblationException(String message) {
    super(message);
  }

  /**
   * Creates the exception.
   *
   * @param message what happened, with the relevant values
   * @param cause the cause, or {@code null}
   */
  protected AblationException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
