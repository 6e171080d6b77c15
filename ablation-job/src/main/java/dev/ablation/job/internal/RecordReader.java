package dev.ablation.job.internal;

import dev.ablation.internal.StrictJson;
import dev.ablation.internal.StrictJson.JsonNumber;
import dev.ablation.internal.Suggestion;
import java.io.IOException;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.math.BigDecimal;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Reads records from JSON with comments. It knows text, whole and other numbers, booleans, enums,
 * paths, durations, lists, maps of text, records, and types with a {@link TextForm}. A key that is
 * no component is refused with the nearest one; all problems are reported together.
 */
public final class RecordReader {
  private final List<String> problems = new ArrayList<>();

  private RecordReader() {}

  /**
   * Reads a record.
   *
   * @param text JSON, comments allowed
   * @param type of the record
   * @param <T> the same
   * @return the record
   * @throws IOException if the text is not JSON
   * @throws IllegalArgumentException listing every problem, one a line
   */
  public static <T extends Record> T read(String text, Class<T> type) throws IOException {
    return of(StrictJson.parseWithComments(text), type);
  }

  private static <T extends Record> T of(@Nullable Object json, Class<T> type) {
    RecordReader reader = new RecordReader();
    Object value = reader.value("", json, type);
    if (!reader.problems.isEmpty()) {
      throw new IllegalArgumentException(String.join("\n", reader.problems));
    }
    return type.cast(Objects.requireNonNull(value));
  }

  private @Nullable Object value(
      String path, @Nullable Object json, Type type, @Nullable Described described) {
    if (described != null
        && described.alone()
        && json != null
        && !(json instanceof List<?>)
        && type instanceof ParameterizedType generic) {
      Object one = value(path, json, generic.getActualTypeArguments()[0]);
      return one == null ? null : List.of(one);
    }
    return value(path, json, type);
  }

  private @Nullable Object value(String path, @Nullable Object json, Type type) {
    if (json == null) {
      return problem(path, "must not be null; leave the key out for the default");
    }
    if (type instanceof ParameterizedType generic) {
      return generic.getRawType().equals(List.class)
          ? list(path, json, generic.getActualTypeArguments()[0])
          : map(path, json);
    }
    Class<?> raw = (Class<?>) type;
    if (raw.isRecord() && !raw.isAnnotationPresent(TextForm.class)) {
      return record(path, json, raw);
    }
    if (raw == Boolean.class || raw == boolean.class) {
      return json instanceof Boolean ? json : problem(path, "must be true or false" + was(json));
    }
    if (raw == Integer.class || raw == int.class || raw == Long.class || raw == long.class) {
      return whole(path, json, raw == Integer.class || raw == int.class);
    }
    if (raw == Double.class || raw == double.class) {
      return number(path, json);
    }
    return json instanceof String text
        ? ofText(path, text, raw)
        : problem(path, "must be a text in quotes" + was(json));
  }

  private @Nullable Object ofText(String path, String text, Class<?> raw) {
    if (raw == String.class) {
      return text.isBlank() ? problem(path, "must not be blank") : text;
    }
    if (raw.isEnum()) {
      List<String> names = Names.ofEnum(raw);
      int index = names.indexOf(text);
      return index >= 0 ? raw.getEnumConstants()[index] : notOneOf(path, text, names);
    }
    try {
      if (raw == Path.class) {
        return Path.of(text);
      }
      if (raw == Duration.class) {
        return Durations.parse(text);
      }
      return raw.getMethod("parse", String.class).invoke(null, text);
    } catch (InvalidPathException e) {
      return problem(path, "must be a path, was '%s': %s".formatted(text, e.getReason()));
    } catch (IllegalArgumentException e) {
      return problem(path, String.valueOf(e.getMessage()));
    } catch (InvocationTargetException e) {
      return problem(path, messageOf(e));
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(raw + " cannot be read from text", e);
    }
  }

  private static String messageOf(InvocationTargetException e) {
    if (e.getCause() instanceof IllegalArgumentException wrong) {
      return String.valueOf(wrong.getMessage());
    }
    if (e.getCause() instanceof NullPointerException missing) {
      return missing.getMessage() + " is required";
    }
    throw new IllegalStateException(e.getCause());
  }

  private @Nullable Object whole(String path, Object json, boolean narrow) {
    if (json instanceof JsonNumber number && number.isInteger()) {
      try {
        BigDecimal exact = number.exact();
        if (narrow) {
          return exact.intValueExact();
        }
        return exact.longValueExact();
      } catch (ArithmeticException | NumberFormatException e) {
        return problem(
            path, "must fit into %d bits, was %s".formatted(narrow ? 32 : 64, number.literal()));
      }
    }
    return problem(path, "must be a whole number" + was(json));
  }

  private @Nullable Object number(String path, Object json) {
    if (json instanceof JsonNumber number) {
      try {
        double value = number.exact().doubleValue();
        if (Double.isFinite(value)) {
          return value;
        }
      } catch (NumberFormatException e) {
        // Said below.
      }
      return problem(path, "must be a number of 64 bits, was " + number.literal());
    }
    return problem(path, "must be a number" + was(json));
  }

  private @Nullable Object list(String path, Object json, Type type) {
    if (!(json instanceof List<?> elements)) {
      return problem(path, "must be a list in brackets" + was(json));
    }
    List<@Nullable Object> values = new ArrayList<>();
    for (int i = 0; i < elements.size(); i++) {
      values.add(value(path + "[" + i + "]", elements.get(i), type));
    }
    return values.contains(null) ? null : values;
  }

  private @Nullable Object map(String path, Object json) {
    if (!(json instanceof Map<?, ?> fields)) {
      return problem(path, "must be an object in braces" + was(json));
    }
    Map<String, String> values = new LinkedHashMap<>();
    fields.forEach((key, value) -> {
      if (value instanceof String text) {
        values.put(String.valueOf(key), text);
      } else {
        problem(join(path, String.valueOf(key)), "must be a text in quotes" + was(value));
      }
    });
    return values;
  }

  private @Nullable Object record(String path, Object json, Class<?> type) {
    Map<?, ?> given = fields(json, type);
    if (given == null) {
      return problem(path, "must be an object in braces" + was(json));
    }
    int before = problems.size();
    Map<?, ?> fields = moved(path, given, type);
    RecordComponent[] components = type.getRecordComponents();
    List<String> known = Arrays.stream(components).map(RecordComponent::getName).toList();
    for (Object key : fields.keySet()) {
      if (!known.contains(String.valueOf(key))) {
        problems.add(
            "%s: unknown key%s; known are %s"
                .formatted(
                    join(path, String.valueOf(key)),
                    Suggestion.asQuestion(String.valueOf(key), known),
                    String.join(", ", known)));
      }
    }
    @Nullable Object[] values = new Object[components.length];
    for (int i = 0; i < components.length; i++) {
      values[i] =
          component(
              given != json ? path : join(path, components[i].getName()), fields, components[i]);
    }
    return problems.size() > before ? null : create(path, type, values);
  }

  /** Puts keys of earlier versions where they are now. */
  private Map<?, ?> moved(String path, Map<?, ?> fields, Class<?> type) {
    Map<Object, @Nullable Object> now = new LinkedHashMap<>(fields);
    for (Moved.Key key : Moved.Key.of(type)) {
      if (!now.containsKey(key.old())) {
        continue;
      }
      Object old = now.remove(key.old());
      Map<Object, @Nullable Object> inner = new LinkedHashMap<>();
      if (now.containsKey(key.component())) {
        Map<?, ?> given = fields(now.get(key.component()), key.holder(type));
        if (given == null) {
          continue; // that component is refused when it is read
        }
        inner.putAll(given);
      }
      if (inner.containsKey(key.key())) {
        problem(
            join(path, key.old()),
            "contradicts %s.%s, which takes its place".formatted(key.component(), key.key()));
      }
      inner.put(key.key(), old);
      now.put(key.component(), inner);
    }
    return now;
  }

  /** The fields of a record, also of its short form; none if it is neither. */
  private static @Nullable Map<?, ?> fields(@Nullable Object json, Class<?> type) {
    if (json instanceof Map<?, ?> object) {
      return object;
    }
    Shorthand shorthand = type.getAnnotation(Shorthand.class);
    return json == null || shorthand == null || json instanceof List<?>
        ? null
        : Map.of(shorthand.value(), json);
  }

  private @Nullable Object component(String path, Map<?, ?> fields, RecordComponent component) {
    Described described = component.getAnnotation(Described.class);
    if (!fields.containsKey(component.getName())) {
      if ((described != null && described.required()) || component.getType().isPrimitive()) {
        problem(path, "is required");
      }
      return null;
    }
    Object value =
        value(path, fields.get(component.getName()), component.getGenericType(), described);
    if (described != null && value != null) {
      List<String> allowed = List.of(described.oneOf());
      if (!allowed.isEmpty() && !allowed.contains(value)) {
        return notOneOf(path, String.valueOf(value), allowed);
      }
      if (described.positive() && value instanceof Number number && number.doubleValue() <= 0) {
        return problem(path, "must be positive, was " + value);
      }
    }
    return value;
  }

  private @Nullable Object notOneOf(String path, String text, List<String> allowed) {
    return problem(
        path,
        "must be one of %s, was '%s'%s"
            .formatted(String.join(", ", allowed), text, Suggestion.asQuestion(text, allowed)));
  }

  private @Nullable Object create(String path, Class<?> type, @Nullable Object[] values) {
    Class<?>[] types =
        Arrays.stream(type.getRecordComponents())
            .map(RecordComponent::getType)
            .toArray(Class<?>[]::new);
    try {
      Constructor<?> constructor = type.getDeclaredConstructor(types);
      constructor.setAccessible(true);
      return constructor.newInstance(values);
    } catch (InvocationTargetException e) {
      return problem(path, messageOf(e));
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(type + " cannot be created", e);
    }
  }

  private @Nullable Object problem(String path, String rule) {
    problems.add(path.isEmpty() ? rule : path + ": " + rule);
    return null;
  }

  private static String join(String path, String key) {
    return path.isEmpty() ? key : path + "." + key;
  }

  private static String was(@Nullable Object json) {
    if (json instanceof Map<?, ?>) {
      return ", was an object";
    }
    if (json instanceof List<?>) {
      return ", was a list";
    }
    return json instanceof String text ? ", was the text '" + text + "'" : ", was " + json;
  }
}
