package dev.ablation.internal;

import java.io.IOException;

/** Text that {@link StrictJson} does not accept as JSON, or JSON of an unexpected form. */
public final class JsonFormatException extends IOException {
  private static final long serialVersionUID = 1L;

  /** What was wrong. */
  public enum Kind {
    /** The text is no JSON, or is nested too deep. */
    SYNTAX,
    /** An object has the same key twice. */
    DUPLICATE_KEY,
    /** The text is JSON, but a value does not have the requested type. */
    TYPE
  }

  /** What was wrong. */
  private final Kind kind;

  JsonFormatException(Kind kind, String message) {
    super(message);
    this.kind = kind;
  }

  /** {@return what was wrong} */
  public Kind kind() {
    return kind;
  }
}
