package dev.ablation.internal;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Set;

/** Writes HTML. Escapes all text and attribute values. */
public final class Html {
  private static final Set<String> VOID =
      Set.of("meta", "img", "line", "polyline", "circle", "path");

  private final StringBuilder out = new StringBuilder();
  private final Deque<String> open = new ArrayDeque<>();

  /** Begins a document. */
  public Html() {}

  /**
   * Opens an element.
   *
   * @param name of the element
   * @param attributes names and values, alternating
   * @return this
   */
  public Html open(String name, String... attributes) {
    out.append('<').append(name);
    for (int i = 0; i < attributes.length; i += 2) {
      out.append(' ').append(attributes[i]).append("=\"");
      escape(attributes[i + 1], out);
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

  /**
   * Closes the innermost element.
   *
   * @return this
   */
  public Html close() {
    out.append("</").append(open.pop()).append(">\n");
    return this;
  }

  /**
   * Adds text.
   *
   * @param text any
   * @return this
   */
  public Html text(String text) {
    escape(text, out);
    return this;
  }

  /**
   * Adds an element that contains only text.
   *
   * @param name of the element
   * @param text any
   * @param attributes names and values, alternating
   * @return this
   */
  public Html element(String name, String text, String... attributes) {
    return open(name, attributes).text(text).close();
  }

  /**
   * Adds a style sheet or script of this library, without escaping.
   *
   * @param name of the element
   * @param content of the library's own
   * @return this
   */
  public Html own(String name, String content) {
    out.append('<')
        .append(name)
        .append(">\n")
        .append(content)
        .append("</")
        .append(name)
        .append(">\n");
    return this;
  }

  /**
   * Escapes text for an element or an attribute in quotation marks. Control characters, which HTML
   * does not have, become U+FFFD.
   *
   * @param text any
   * @return HTML that shows it
   */
  public static String escaped(String text) {
    StringBuilder escaped = new StringBuilder(text.length());
    escape(text, escaped);
    return escaped.toString();
  }

  private static void escape(String text, StringBuilder out) {
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

  /** {@return the document, whose elements are all closed} */
  @Override
  public String toString() {
    if (!open.isEmpty()) {
      throw new IllegalStateException("elements are still open: " + open);
    }
    return "<!DOCTYPE html>\n" + out;
  }
}
