package dev.ablation.langchain4j;

import dev.ablation.internal.JsonFormatException;
import dev.ablation.internal.StrictJson;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Extracts the captions from a chat model's answer: a JSON array, a numbered or bulleted list,
 * quoted lines, or otherwise all lines that do not look like conversation. A number counts as a
 * list number only at the beginning of a line, so "two cats, 3 kittens" keeps its 3.
 */
final class AnswerParser {
  /** No sensible answer is longer; the rest is ignored to save time. */
  private static final int MAX_CHARACTERS = 200_000;

  private static final Pattern EMPHASIS = Pattern.compile("\\*\\*|__");

  /** "1." "1)" "(1)" "[1]" "1:" "1 -" "#1", a bullet, or a label such as "Caption 1:". */
  private static final Pattern MARK =
      Pattern.compile(
          "^(?:"
              + "[-*+•‣◦–—]\\s+"
              + "|\\(\\d{1,4}\\)\\s*"
              + "|\\[\\d{1,4}]\\s*"
              + "|#?\\d{1,4}\\s?[.):](?=\\s|\\p{L}|[\"“‘'«]|$)\\s*"
              + "|#?\\d{1,4}\\s+[-–—]\\s+"
              + "|(?:caption|prompt|paraphrase|version|option)\\s*#?\\d{1,4}\\s*[-–—:.)]\\s*"
              + ")",
          Pattern.CASE_INSENSITIVE);

  private static final Pattern QUOTED =
      Pattern.compile("^(?:\"(.+)\"|“(.+)”|«(.+)»|‘(.+)’|'(.+)'|`(.+)`)[,;.]?$");

  private static final Pattern TALK =
      Pattern.compile(
          "^(?:sure|certainly|of course|absolutely|okay|ok|here (?:are|is|you)|here's|let me know"
              + "|i hope|i can|i'm sorry|i am sorry|sorry|feel free|as an ai|these captions)\\b.*",
          Pattern.CASE_INSENSITIVE);

  private AnswerParser() {}

  /**
   * Returns the captions.
   *
   * @param answer the model's answer
   * @return the captions in order, none blank; empty if there are none
   */
  static List<String> captions(String answer) {
    String text = withoutThoughts(answer);
    text = text.substring(0, Math.min(text.length(), MAX_CHARACTERS)).strip();
    List<String> fromJson = fromJson(text);
    if (!fromJson.isEmpty()) {
      return fromJson;
    }
    List<String> marked = new ArrayList<>();
    List<String> quoted = new ArrayList<>();
    List<String> plain = new ArrayList<>();
    for (String rawLine : text.lines().toList()) {
      String line = EMPHASIS.matcher(rawLine).replaceAll("").strip();
      if (line.isEmpty() || line.startsWith("```")) {
        continue;
      }
      String unmarked = withoutMark(line);
      String unquoted = withoutQuotes(unmarked);
      if (unquoted.isBlank()) {
        continue;
      }
      if (!unmarked.equals(line)) {
        marked.add(unquoted);
      } else if (!unquoted.equals(line)) {
        quoted.add(unquoted);
      } else if (!line.endsWith(":") && !line.startsWith("#") && !TALK.matcher(line).matches()) {
        plain.add(unquoted);
      }
    }
    if (!marked.isEmpty()) {
      return marked;
    }
    return quoted.isEmpty() ? plain : quoted;
  }

  /** Some models write down their reasoning before the answer. */
  private static String withoutThoughts(String answer) {
    int end = answer.lastIndexOf("</think>");
    if (end >= 0) {
      return answer.substring(end + "</think>".length());
    }
    int start = answer.indexOf("<think>");
    return start < 0 ? answer : answer.substring(0, start);
  }

  private static String withoutMark(String line) {
    String rest = MARK.matcher(line).replaceFirst("");
    // "- 1. A cat": a bullet before a number.
    return rest.equals(line) ? line : MARK.matcher(rest).replaceFirst("").strip();
  }

  private static String withoutQuotes(String text) {
    Matcher matcher = QUOTED.matcher(text);
    if (!matcher.matches()) {
      return text;
    }
    for (int group = 1; group <= matcher.groupCount(); group++) {
      String inner = matcher.group(group);
      if (inner != null) {
        return inner.strip();
      }
    }
    return text;
  }

  private static List<String> fromJson(String text) {
    int array = text.indexOf('[');
    int object = text.indexOf('{');
    if (array < 0 && object < 0) {
      return List.of();
    }
    boolean isArray = object < 0 || (array >= 0 && array < object);
    int start = isArray ? array : object;
    int end = text.lastIndexOf(isArray ? ']' : '}');
    if (end <= start || !mayBegin(text.substring(0, start))) {
      return List.of();
    }
    try {
      return texts(StrictJson.parse(text.substring(start, end + 1)));
    } catch (JsonFormatException e) {
      return List.of(); // brackets in plain text
    } catch (IOException e) {
      throw new AssertionError("reading from memory cannot fail", e);
    }
  }

  /**
   * JSON begins a line or follows a text such as "Here you are:"; a bracket in a caption does not.
   */
  private static boolean mayBegin(String before) {
    String line = before.substring(before.lastIndexOf('\n') + 1).strip();
    return line.isEmpty() || line.endsWith(":");
  }

  /** The strings of an array, of the objects in it, or of the arrays in an object. */
  private static List<String> texts(@Nullable Object json) {
    List<String> texts = new ArrayList<>();
    if (json instanceof List<?> elements) {
      for (Object element : elements) {
        if (element instanceof String text && !text.isBlank()) {
          texts.add(text.strip());
        } else if (element instanceof Map<?, ?> fields) {
          fields.values().stream()
              .filter(String.class::isInstance)
              .map(String.class::cast)
              .filter(text -> !text.isBlank())
              .findFirst()
              .ifPresent(text -> texts.add(text.strip()));
        }
      }
    } else if (json instanceof Map<?, ?> fields) {
      for (Object value : fields.values()) {
        if (value instanceof List<?>) {
          texts.addAll(texts(value));
        } else if (value instanceof String text && !text.isBlank()) {
          texts.add(text.strip());
        }
      }
    }
    return texts;
  }
}
