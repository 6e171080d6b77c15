package dev.ablation.anchor;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** Collects all problems with some files, to report them at once. */
final class Problems {
  /** Nobody reads a longer list. */
  private static final int MOST_SHOWN = 20;

  private final List<String> messages = new ArrayList<>();

  void add(String message) {
    messages.add(message);
  }

  boolean isEmpty() {
    return messages.isEmpty();
  }

  /** Throws them all, if there are any. */
  void check() throws IOException {
    if (messages.isEmpty()) {
      return;
    }
    if (messages.size() == 1) {
      throw new IOException(messages.get(0));
    }
    String separator = System.lineSeparator() + "  ";
    List<String> shown = messages.subList(0, Math.min(MOST_SHOWN, messages.size()));
    String more =
        messages.size() > shown.size()
            ? separator + "and %d more".formatted(messages.size() - shown.size())
            : "";
    throw new IOException(
        "%d problems with the images:%s%s%s"
            .formatted(messages.size(), separator, String.join(separator, shown), more));
  }
}
