package dev.ablation.cli;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.stream.Stream;

/** The folder that a run writes to if none is named: the next number. */
final class RunFolder {
  private static final Path NUMBERED = Path.of("target", "ablation");

  private RunFolder() {}

  /** Makes the folder of the next free number. */
  static Path next() throws IOException {
    return createNumbered(NUMBERED);
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
    if (isEmpty(folder)) {
      Files.delete(folder);
    }
  }

  static boolean isEmpty(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.findAny().isEmpty();
    }
  }
}
