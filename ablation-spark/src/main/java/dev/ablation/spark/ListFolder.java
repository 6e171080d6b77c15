package dev.ablation.spark;

import com.google.gson.Gson;
import com.google.gson.JsonParseException;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.AtomicFiles.Existing;
import dev.ablation.internal.LibraryVersion;
import dev.ablation.internal.TextFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.UUID;

/**
 * Says what a folder of results is.
 *
 * @param id tells the folder from others under the same path on other machines
 * @param library version that made the results
 */
record ListFolder(String id, String library) {
  static final String FILE = "list.json";

  private static final Gson GSON = new Gson();

  /** Begins a folder or opens one of the same version. */
  static ListFolder open(Path folder) throws IOException {
    Path file = folder.resolve(FILE);
    String library = LibraryVersion.get();
    if (!Files.exists(file)) {
      Files.createDirectories(folder);
      ListFolder begun = new ListFolder(UUID.randomUUID().toString(), library);
      AtomicFiles.writeString(file, Existing.REFUSE, GSON.toJson(begun) + "\n");
      return begun;
    }
    ListFolder found = read(file);
    if (!library.equals(found.library)) {
      throw new IOException(
          "%s: holds results of version %s of the library, this is %s; go on with that version or"
                  .formatted(folder, found.library, library)
              + " choose another folder");
    }
    return found;
  }

  static ListFolder read(Path file) throws IOException {
    try {
      ListFolder read = GSON.fromJson(TextFile.read(file), ListFolder.class);
      if (read != null && read.id != null && read.library != null) {
        return read;
      }
    } catch (JsonParseException e) {
      throw new IOException(file + ": not a list of jobs: " + e.getMessage(), e);
    }
    throw new IOException(file + ": not a list of jobs");
  }
}
