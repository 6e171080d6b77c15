package dev.ablation.spark;

import com.google.gson.Gson;
import com.google.gson.JsonParseException;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.AtomicFiles.Existing;
import dev.ablation.internal.TextFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.function.Predicate;

/** Records of the work on a list, in files of the list's folder. */
final class RecordFile {
  private static final Gson GSON = new Gson();

  private RecordFile() {}

  /** Writes a record whole or not at all. */
  static void write(Path file, Existing existing, Record record) throws IOException {
    AtomicFiles.writeString(file, existing, GSON.toJson(record) + "\n");
  }

  /**
   * Reads a record.
   *
   * @param complete whether it has what it must have
   * @param what it is, for the message
   */
  static <T extends Record> T read(Path file, Class<T> type, Predicate<T> complete, String what)
      throws IOException {
    try {
      T found = GSON.fromJson(TextFile.read(file), type);
      if (found != null && complete.test(found)) {
        return found;
      }
    } catch (JsonParseException e) {
      throw new IOException("%s: not %s: %s".formatted(file, what, e.getMessage()), e);
    }
    throw new IOException("%s: not %s".formatted(file, what));
  }
}
