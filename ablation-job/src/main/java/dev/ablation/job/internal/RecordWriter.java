package dev.ablation.job.internal;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.io.File;
import java.lang.reflect.Method;
import java.lang.reflect.RecordComponent;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Writes records as {@link RecordReader} reads them. What is not set is left out. */
public final class RecordWriter {
  private static final Gson GSON =
      new GsonBuilder().disableHtmlEscaping().setPrettyPrinting().create();

  private RecordWriter() {}

  /**
   * Writes a record.
   *
   * @param record to write
   * @return JSON of several lines, with a line feed at its end
   */
  public static String write(Record record) {
    return write(object(record));
  }

  /**
   * Writes JSON in the same form.
   *
   * @param json to write
   * @return JSON of several lines, with a line feed at its end
   */
  public static String write(JsonElement json) {
    return GSON.toJson(json) + "\n";
  }

  private static JsonObject object(Record record) {
    JsonObject object = new JsonObject();
    for (RecordComponent component : record.getClass().getRecordComponents()) {
      Object value = get(record, component);
      if (value != null && !isEmpty(value)) {
        object.add(component.getName(), element(value));
      }
    }
    return object;
  }

  private static boolean isEmpty(Object value) {
    return (value instanceof List<?> list && list.isEmpty())
        || (value instanceof Map<?, ?> map && map.isEmpty());
  }

  private static JsonElement element(Object value) {
    if (value instanceof List<?> list) {
      JsonArray array = new JsonArray();
      list.forEach(each -> array.add(element(each)));
      return array;
    }
    if (value instanceof Map<?, ?> map) {
      JsonObject object = new JsonObject();
      map.forEach((key, each) -> object.add(String.valueOf(key), element(each)));
      return object;
    }
    if (value instanceof Record record && !record.getClass().isAnnotationPresent(TextForm.class)) {
      return object(record);
    }
    if (value instanceof Number number) {
      return new JsonPrimitive(number);
    }
    if (value instanceof Boolean bool) {
      return new JsonPrimitive(bool);
    }
    if (value instanceof Enum<?> constant) {
      return new JsonPrimitive(Names.of(constant));
    }
    if (value instanceof Path path) {
      // The same file on every system.
      return new JsonPrimitive(path.toString().replace(File.separatorChar, '/'));
    }
    return new JsonPrimitive(value.toString());
  }

  private static @Nullable Object get(Record record, RecordComponent component) {
    try {
      Method accessor = component.getAccessor();
      accessor.setAccessible(true);
      return accessor.invoke(record);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(component + " cannot be read", e);
    }
  }
}
