package dev.ablation.job.internal;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;

/** Describes what {@link RecordReader} accepts: as JSON Schema and as a table for people. */
public final class RecordSchema {
  private final Map<Class<?>, JsonObject> definitions = new LinkedHashMap<>();
  private final String prefix;

  private RecordSchema(String prefix) {
    this.prefix = prefix;
  }

  /**
   * Writes a schema.
   *
   * @param type the record
   * @param id address of the schema
   * @param title of the schema
   * @param prefix that the names of the records begin with; left out of the schema's
   * @return JSON Schema, draft 2020-12
   */
  public static String of(Class<? extends Record> type, String id, String title, String prefix) {
    RecordSchema schema = new RecordSchema(prefix);
    JsonObject whole = schema.object(type);
    JsonObject json = new JsonObject();
    json.addProperty("$schema", "https://json-schema.org/draft/2020-12/schema");
    json.addProperty("$id", id);
    json.addProperty("title", title);
    whole.asMap().forEach(json::add);
    JsonObject defs = new JsonObject();
    schema.definitions.forEach((each, definition) -> defs.add(schema.name(each), definition));
    json.add("$defs", defs);
    return RecordWriter.write(json);
  }

  /**
   * Writes a table for each record, in Markdown.
   *
   * @param type the record
   * @param prefix that the names of the records begin with; left out
   * @return the tables; each has a heading of the third level
   */
  public static String tables(Class<? extends Record> type, String prefix) {
    RecordSchema schema = new RecordSchema(prefix);
    Objects.requireNonNull(schema.object(type));
    StringBuilder text = new StringBuilder();
    schema.table(text, "The job", type);
    schema.definitions.keySet().forEach(each -> schema.table(text, schema.name(each), each));
    return text.toString();
  }

  private void table(StringBuilder text, String heading, Class<?> type) {
    if (!text.isEmpty()) {
      text.append('\n');
    }
    text.append("### ").append(heading).append("\n\n");
    Shorthand shorthand = type.getAnnotation(Shorthand.class);
    if (shorthand != null) {
      text.append(
          "Short for an object with `%s` alone: that value.\n\n".formatted(shorthand.value()));
    }
    text.append("| key | value | meaning |\n| --- | --- | --- |\n");
    for (RecordComponent component : type.getRecordComponents()) {
      Described described = described(component);
      text.append(
          "| `%s`%s | %s | %s |\n"
              .formatted(
                  component.getName(),
                  described.required() ? " (required)" : "",
                  kind(component.getGenericType(), described),
                  described.value()));
    }
    for (Moved.Key key : Moved.Key.of(type)) {
      text.append(
          "| `%s` | | Of earlier versions: `%s` of `%s`. |\n"
              .formatted(key.old(), key.key(), key.component()));
    }
  }

  private String kind(Type type, Described described) {
    if (described.oneOf().length > 0) {
      return "`" + String.join("`, `", described.oneOf()) + "`";
    }
    if (type instanceof ParameterizedType generic) {
      return generic.getRawType().equals(List.class)
          ? (described.alone()
                  ? kind(generic.getActualTypeArguments()[0], described) + ", or "
                  : "")
              + "list of "
              + kind(generic.getActualTypeArguments()[0], described)
          : "texts by name";
    }
    Class<?> raw = (Class<?>) type;
    if (raw.isAnnotationPresent(TextForm.class)) {
      return "text";
    }
    if (raw.isRecord()) {
      // Renderers of Markdown name headings in lower case.
      return "[%s](#%s)".formatted(name(raw), name(raw).toLowerCase(Locale.ROOT));
    }
    if (raw.isEnum()) {
      return "`" + String.join("`, `", Names.ofEnum(raw)) + "`";
    }
    if (raw == Path.class) {
      return "path";
    }
    if (raw == Duration.class) {
      return "duration";
    }
    if (raw == Boolean.class) {
      return "`true`, `false`";
    }
    if (raw == String.class) {
      return "text";
    }
    String number = raw == Double.class ? "number" : "whole number";
    return described.positive() ? number + " > 0" : number;
  }

  private static Described described(RecordComponent component) {
    Described described = component.getAnnotation(Described.class);
    if (described == null) {
      throw new IllegalStateException(component + " must be described");
    }
    return described;
  }

  private String name(Class<?> type) {
    String name = type.getSimpleName().substring(prefix.length());
    return Character.toLowerCase(name.charAt(0)) + name.substring(1);
  }

  private JsonObject object(Class<?> type) {
    JsonObject properties = new JsonObject();
    JsonArray required = new JsonArray();
    for (RecordComponent component : type.getRecordComponents()) {
      properties.add(component.getName(), property(component));
      if (described(component).required()) {
        required.add(component.getName());
      }
    }
    for (Moved.Key key : Moved.Key.of(type)) {
      JsonObject property = property(key.now(type));
      property.addProperty("deprecated", true);
      properties.add(key.old(), property);
    }
    JsonObject schema = new JsonObject();
    schema.addProperty("type", "object");
    schema.add("properties", properties);
    if (!required.isEmpty()) {
      schema.add("required", required);
    }
    schema.addProperty("additionalProperties", false);
    return schema;
  }

  private JsonObject property(RecordComponent component) {
    Described described = described(component);
    JsonObject property = schema(component.getGenericType());
    if (described.alone()) {
      property = either(property.getAsJsonObject("items"), property);
    }
    property.addProperty("description", described.value());
    if (described.positive()) {
      property.addProperty("exclusiveMinimum", 0);
    }
    if (described.oneOf().length > 0) {
      property.add("enum", array(List.of(described.oneOf())));
    }
    return property;
  }

  private JsonObject schema(Type type) {
    JsonObject schema = new JsonObject();
    if (type instanceof ParameterizedType generic) {
      boolean list = generic.getRawType().equals(List.class);
      schema.addProperty("type", list ? "array" : "object");
      schema.add(
          list ? "items" : "additionalProperties",
          schema(generic.getActualTypeArguments()[list ? 0 : 1]));
      return schema;
    }
    Class<?> raw = (Class<?>) type;
    if (raw.isAnnotationPresent(TextForm.class)) {
      schema.addProperty("type", "string");
      schema.addProperty("pattern", raw.getAnnotation(TextForm.class).pattern());
    } else if (raw.isRecord()) {
      define(raw);
      schema.addProperty("$ref", "#/$defs/" + name(raw));
    } else if (raw.isEnum()) {
      schema.add("enum", array(Names.ofEnum(raw)));
    } else if (raw == Boolean.class) {
      schema.addProperty("type", "boolean");
    } else if (raw == Integer.class || raw == Long.class) {
      schema.addProperty("type", "integer");
    } else if (raw == Double.class) {
      schema.addProperty("type", "number");
    } else if (raw == Duration.class) {
      schema.addProperty("type", "string");
      schema.addProperty("pattern", "^(\\d{1,9} ?(s|min|h|d)|P.+)$");
    } else {
      schema.addProperty("type", "string");
      schema.addProperty("pattern", "\\S");
    }
    return schema;
  }

  private void define(Class<?> type) {
    if (definitions.containsKey(type)) {
      return;
    }
    definitions.put(type, new JsonObject());
    JsonObject object = object(type);
    Shorthand shorthand = type.getAnnotation(Shorthand.class);
    if (shorthand == null) {
      definitions.put(type, object);
      return;
    }
    definitions.put(
        type, either(object.getAsJsonObject("properties").get(shorthand.value()), object));
  }

  private static JsonObject either(JsonElement one, JsonElement other) {
    JsonArray forms = new JsonArray();
    forms.add(one.deepCopy());
    forms.add(other);
    JsonObject either = new JsonObject();
    either.add("oneOf", forms);
    return either;
  }

  private static JsonElement array(List<String> texts) {
    JsonArray array = new JsonArray();
    texts.forEach(array::add);
    return array;
  }
}
