package dev.ablation.internal;

import java.io.IOException;

/** A file that {@link TextFile} does not take for text; the message names the file. */
public final class TextFormatException extends IOException {
  private static final long serialVersionUID = 1L;

  TextFormatException(String message) {
    super(message);
  }
}
