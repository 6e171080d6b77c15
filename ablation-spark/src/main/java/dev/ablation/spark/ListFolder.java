package dev.ablation.spark;

import dev.ablation.internal.AtomicFiles.Existing;
import dev.ablation.internal.LibraryVersion;
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

  /** Begins a folder or opens one of the same version. */
  static ListFolder open(Path folder) throws IOException {
    Path file = folder.resolve(FILE);
    String library = LibraryVersion.get();
    if (!Files.exists(file)) {
      Files.createDirectories(folder);
      ListFolder begun = new ListFolder(UUID.randomUUID().toString(), library);
      RecordFile.write(file, Existing.REFUSE, begun);
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
    return RecordFile.read(
        file, ListFolder.class, read -> read.id != null && read.library != null, "a list of jobs");
  }
}
