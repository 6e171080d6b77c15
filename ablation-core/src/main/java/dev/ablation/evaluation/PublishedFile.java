package dev.ablation.evaluation;

import dev.ablation.concept.ConceptKind;
import dev.ablation.internal.JsonFormatException;
import dev.ablation.internal.StrictJson;
import dev.ablation.internal.TextFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Parser of {@code eval.json}. */
final class PublishedFile {
  private static final String TARGET = "target";
  private static final String ANCHOR = "anchor";
  private static final String IN_CODE = "hard_negative";
  private static final String IN_TEXT = "hard_negatives";
  private static final Set<String> KEYS = Set.of(TARGET, ANCHOR, IN_CODE, IN_TEXT);

  private final Path file;

  private PublishedFile(Path file) {
    this.file = file;
  }

  static List<PublishedEvaluation> read(Path file) throws IOException {
    return new PublishedFile(file).read();
  }

  private List<PublishedEvaluation> read() throws IOException {
    Object json;
    try {
      json = StrictJson.parse(TextFile.read(file));
    } catch (JsonFormatException e) {
      throw new IOException(file + ": " + e.getMessage(), e);
    }
    List<PublishedEvaluation> entries = new ArrayList<>();
    for (Map.Entry<?, ?> group : object(json, "the file").entrySet()) {
      String key = String.valueOf(group.getKey());
      ConceptKind kind =
          switch (key) {
            case "style" -> ConceptKind.STYLE;
            case "object" -> ConceptKind.INSTANCE;
            default -> throw wrong("the keys must be \"style\" and \"object\", found", key);
          };
      for (Map.Entry<?, ?> entry : object(group.getValue(), quoted(key)).entrySet()) {
        entries.add(entry(kind, key, String.valueOf(entry.getKey()), entry.getValue()));
      }
    }
    if (entries.isEmpty()) {
      throw new IOException(file + ": must have an entry under \"style\" or \"object\"");
    }
    return entries;
  }

  private PublishedEvaluation entry(
      ConceptKind kind, String group, String name, @Nullable Object json) throws IOException {
    String where = quoted(group) + ", " + quoted(name);
    Map<?, ?> fields = object(json, where);
    for (Object key : fields.keySet()) {
      if (!KEYS.contains(key)) {
        throw wrong(where + " must have the keys target, anchor and hard_negative, has", key);
      }
    }
    if (fields.containsKey(IN_CODE) && fields.containsKey(IN_TEXT)) {
      throw wrong(where + " must have one of hard_negative and hard_negatives, has also", IN_TEXT);
    }
    String key = fields.containsKey(IN_TEXT) ? IN_TEXT : IN_CODE;
    try {
      return new PublishedEvaluation(
          kind,
          name,
          text(fields.get(TARGET), where, TARGET),
          text(fields.get(ANCHOR), where, ANCHOR),
          texts(fields.get(key), where, key));
    } catch (IllegalArgumentException e) {
      throw new IOException("%s: %s: %s".formatted(file, where, e.getMessage()), e);
    }
  }

  private Map<?, ?> object(@Nullable Object json, String where) throws IOException {
    if (json instanceof Map<?, ?> map) {
      return map;
    }
    throw new IOException("%s: %s must be an object".formatted(file, where));
  }

  private String text(@Nullable Object json, String where, String key) throws IOException {
    if (json instanceof String text) {
      return text;
    }
    throw wrong(where + " must have a string", key);
  }

  private List<String> texts(@Nullable Object json, String where, String key) throws IOException {
    if (!(json instanceof List<?> list)) {
      throw wrong(where + " must have a list of strings", key);
    }
    List<String> texts = new ArrayList<>();
    for (Object each : list) {
      texts.add(text(each, where, key));
    }
    return texts;
  }

  private IOException wrong(String message, Object key) {
    return new IOException("%s: %s %s".formatted(file, message, quoted(key)));
  }

  private static String quoted(Object key) {
    return "\"" + key + "\"";
  }
}
