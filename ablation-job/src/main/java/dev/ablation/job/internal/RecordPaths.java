package dev.ablation.job.internal;

import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.RecordComponent;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Replaces every path within a record. */
public final class RecordPaths {

  /** Replaces a path. */
  @FunctionalInterface
  public interface Replacement {
    /**
     * Replaces a path.
     *
     * @param key where it is, such as {@code "outputs.folder"}
     * @param path the path
     * @return what replaces it
     */
    Path of(String key, Path path);
  }

  private RecordPaths() {}

  /**
   * Replaces every path within a record and the records and lists in it.
   *
   * @param record any
   * @param replacement of each path
   * @param <T> type of the record
   * @return a copy with the paths replaced
   */
  public static <T extends Record> T map(T record, Replacement replacement) {
    @SuppressWarnings("unchecked") // a record's copy has its type
    T copy = (T) copy("", record, replacement);
    return copy;
  }

  private static Object replace(String key, Object value, Replacement replacement) {
    if (value instanceof Path path) {
      return replacement.of(key, path);
    }
    if (value instanceof List<?> list) {
      Object[] copies = new Object[list.size()];
      Arrays.setAll(copies, i -> replace(key + "[" + i + "]", list.get(i), replacement));
      return List.of(copies);
    }
    return value instanceof Record record ? copy(key, record, replacement) : value;
  }

  private static Record copy(String key, Record record, Replacement replacement) {
    RecordComponent[] components = record.getClass().getRecordComponents();
    @Nullable Object[] values = new Object[components.length];
    try {
      for (int i = 0; i < components.length; i++) {
        String name = components[i].getName();
        Method accessor = components[i].getAccessor();
        accessor.setAccessible(true);
        Object value = accessor.invoke(record);
        values[i] =
            value == null
                ? null
                : replace(key.isEmpty() ? name : key + "." + name, value, replacement);
      }
      Constructor<?> constructor =
          record
              .getClass()
              .getDeclaredConstructor(
                  Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new));
      constructor.setAccessible(true);
      return (Record) constructor.newInstance(values);
    } catch (InvocationTargetException e) {
      throw new IllegalStateException(e.getCause());
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(record.getClass() + " cannot be copied", e);
    }
  }
}
