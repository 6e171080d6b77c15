package dev.ablation;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** Folders of tests. */
public final class TestFolders {
  private TestFolders() {}

  /**
   * Copies a folder with all that is in it.
   *
   * @param from the folder
   * @param to must not exist, or be empty
   * @throws IOException if a file cannot be copied
   */
  public static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> files = Files.walk(from)) {
      for (Path file : files.toList()) {
        Path target = to.resolve(from.relativize(file).toString());
        if (!Files.isDirectory(target)) {
          Files.copy(file, target);
        }
      }
    }
  }
}
