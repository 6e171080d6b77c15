package dev.ablation.report;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Set;

/** Writes HTML. Escapes all text and attribute values. */
final class Html {
  private static final Set<String> VOID =
      Set.of("meta", "img", "line", "polyline", "circle", "path");

  private final StringBuilder out = new StringBuilder();
  private final Deque<String> open = new ArrayDeque<>();

  /**
   * Opens an element.
   *
   * @param attributes names and values, alternating
   */
  Html open(String name, String... attributes) {
    out.append('<').append(name);
    for (int i = 0; i < attributes.length; i += 2) {
      out.append(' ').append(attributes[i]).append("=\"");
      escape(attributes[i + 1]);
      out.append('"');
    }
    if (VOID.contains(name)) {
      out.append("/>");
    } else {
      out.append('>');
      open.push(name);
    }
    return this;
  }

  /** Closes the innermost element. */
  Html close() {
    out.append("</").append(open.pop()).append(">\n");
    return this;
  }

  Html text(String text) {
    escape(text);
    return this;
  }

  /** Adds an element that contains only text. */
  Html element(String name, String text, String... attributes) {
    return open(name, attributes).text(text).close();
  }

  /** Adds a style sheet or script of this library, without escaping. */
  Html own(String name, String content) {
    out.append('<')
        .append(name)
        .append(">\n")
        .append(content)
        .append("</")
        .append(name)
        .append(">\n");
    return this;
  }

  private void escape(String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '&' -> out.append("&amp;");
        case '<' -> out.append("&lt;");
        case '>' -> out.append("&gt;");
        case '"' -> out.append("&quot;");
        case '\'' -> out.append("&#39;");
        default -> {
          if (c >= ' ' || c == '\n' || c == '\t') {
            out.append(c);
          } else {
            out.append('\uFFFD');
          }
        }
      }
    }
  }

  @Override
  public String toString() {
    if (!open.isEmpty()) {
      throw new IllegalStateException("elements are still open: " + open);
    }
    return "<!DOCTYPE html>\n" + out;
  }
}
