package dev.ablation.emoji.dataset.rebuild;

import com.google.gson.stream.JsonReader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * An emoji set in Iconify's JSON format (https://iconify.design/docs/types/iconify-json.html): the
 * body of an SVG document for each icon, and aliases.
 */
final class IconSet {
  private static final int DEFAULT_SIZE = 16;
  private static final int MAX_ALIASES = 5;
  private static final String PARENT = "parent";

  private final String origin;
  private final Map<String, Map<String, String>> icons = new HashMap<>();
  private final Map<String, Map<String, String>> aliases = new HashMap<>();
  private final Map<String, String> defaults = new HashMap<>();

  private IconSet(String origin) {
    this.origin = origin;
  }

  /** Reads a set; {@code origin} names it in messages. */
  static IconSet parse(byte[] json, String origin) throws IOException {
    IconSet set = new IconSet(origin);
    try (JsonReader reader =
        new JsonReader(
            new InputStreamReader(new ByteArrayInputStream(json), StandardCharsets.UTF_8))) {
      reader.beginObject();
      while (reader.hasNext()) {
        String name = reader.nextName();
        switch (name) {
          case "icons" -> readAll(reader, set.icons);
          case "aliases" -> readAll(reader, set.aliases);
          case "left", "top", "width", "height" -> set.defaults.put(name, reader.nextString());
          default -> reader.skipValue();
        }
      }
      reader.endObject();
    } catch (IOException | IllegalStateException e) {
      throw new IOException("not an icon set: %s: %s".formatted(origin, e.getMessage()), e);
    }
    return set;
  }

  private static void readAll(JsonReader reader, Map<String, Map<String, String>> all)
      throws IOException {
    reader.beginObject();
    while (reader.hasNext()) {
      String name = reader.nextName();
      Map<String, String> fields = new HashMap<>();
      reader.beginObject();
      while (reader.hasNext()) {
        String field = reader.nextName();
        switch (reader.peek()) {
          case STRING, NUMBER -> fields.put(field, reader.nextString());
          case BOOLEAN -> fields.put(field, String.valueOf(reader.nextBoolean()));
          default -> reader.skipValue();
        }
      }
      reader.endObject();
      all.put(name, fields);
    }
    reader.endObject();
  }

  /**
   * Returns an icon as an SVG document.
   *
   * @param name of an icon or an alias
   * @param color for what has the colour of the text around it
   * @throws IOException if there is none
   */
  String svg(String name, String color) throws IOException {
    Map<String, String> icon = icon(name);
    String body = icon.get("body");
    if (body == null) {
      throw new IOException("icon '%s' has no body: %s".formatted(name, origin));
    }
    int left = number(icon, "left", 0);
    int top = number(icon, "top", 0);
    int width = number(icon, "width", DEFAULT_SIZE);
    int height = number(icon, "height", DEFAULT_SIZE);
    // Not formatted, which would write the digits of the user's language.
    return "<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\""
        + " viewBox=\""
        + left
        + " "
        + top
        + " "
        + width
        + " "
        + height
        + "\" width=\""
        + width
        + "\" height=\""
        + height
        + "\">"
        + body.replace("currentColor", color)
        + "</svg>";
  }

  private Map<String, String> icon(String name) throws IOException {
    String wanted = name;
    for (int i = 0; i <= MAX_ALIASES; i++) {
      Map<String, String> icon = icons.get(wanted);
      if (icon != null) {
        return icon;
      }
      Map<String, String> alias = aliases.get(wanted);
      String parent = alias == null ? null : alias.get(PARENT);
      if (alias == null || parent == null) {
        throw new IOException("icon '%s' is missing: %s".formatted(name, origin));
      }
      if (alias.size() > 1) {
        throw new IOException("alias '%s' changes its icon: %s".formatted(wanted, origin));
      }
      wanted = parent;
    }
    throw new IOException("aliases of icon '%s' go in circles: %s".formatted(name, origin));
  }

  private int number(Map<String, String> icon, String field, int otherwise) throws IOException {
    @Nullable String value = icon.getOrDefault(field, defaults.get(field));
    try {
      return value == null ? otherwise : Integer.parseInt(value);
    } catch (NumberFormatException e) {
      throw new IOException(
          "%s of an icon must be a whole number, was %s: %s".formatted(field, value, origin), e);
    }
  }
}
