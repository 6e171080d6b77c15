package dev.ablation.cli;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The folder that a run writes to, created before the work starts, so that nothing is lost at its
 * end.
 */
final class RunFolder {
  private static final Path NUMBERED = Path.of("target", "ablation");

  private RunFolder() {}

  /**
   * Makes a folder.
   *
   * @param named by the user, must not exist; {@code null} for the next free number
   */
  static Path create(@Nullable Path named) throws IOException {
    if (named == null) {
      return createNumbered(NUMBERED);
    }
    Path parent = named.toAbsolutePath().getParent();
    if (parent != null) {
      Files.createDirectories(parent);
    }
    try {
      return Files.createDirectory(named);
    } catch (FileAlreadyExistsException e) {
      throw new FileAlreadyExistsException(
          named.toString(), null, "exists already; choose an output folder that does not");
    }
  }

  static Path createNumbered(Path parent) throws IOException {
    Files.createDirectories(parent);
    int number = 1 + largestNumber(parent);
    while (true) {
      Path folder = parent.resolve(String.format(Locale.ROOT, "%03d", number));
      try {
        return Files.createDirectory(folder);
      } catch (FileAlreadyExistsException e) {
        // Another run took the number in between.
        number++;
      }
    }
  }

  private static int largestNumber(Path parent) throws IOException {
    try (Stream<Path> runs = Files.list(parent)) {
      return runs.map(run -> run.getFileName().toString())
          .filter(name -> name.matches("\\d{1,8}"))
          .mapToInt(Integer::parseInt)
          .max()
          .orElse(0);
    }
  }

  /** Removes a folder that a failed run left empty. */
  static void discardIfEmpty(Path folder) throws IOException {
    boolean empty;
    try (Stream<Path> files = Files.list(folder)) {
      empty = files.findAny().isEmpty();
    }
    if (empty) {
      Files.delete(folder);
    }
  }
}
