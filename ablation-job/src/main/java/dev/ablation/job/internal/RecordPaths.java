package dev.ablation.job.internal;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

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
    return copy("", record, replacement);
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

  private static <T extends Record> T copy(String key, T record, Replacement replacement) {
    return RecordCopies.map(
        record,
        (name, value) ->
            value == null
                ? null
                : replace(key.isEmpty() ? name : key + "." + name, value, replacement));
  }
}
