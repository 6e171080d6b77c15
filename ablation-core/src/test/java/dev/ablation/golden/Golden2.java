package dev.ablation.golden;

import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The second directory of reference values: transformers, flow matching, closed forms. What it
 * lacks fails the test that asks for it.
 */
public final class Golden2 {
  private Golden2() {}

  /** Returns the directory, from the system property {@code ablation.golden2}. */
  public static Path directory() {
    String directory = System.getProperty("ablation.golden2");
    if (directory == null) {
      throw new AssertionError("the system property ablation.golden2 names no directory");
    }
    return Path.of(directory);
  }

  /**
   * Returns a file or folder of the directory.
   *
   * @param path below the directory
   * @return the path, which exists
   */
  public static Path path(String path) {
    Path found = directory().resolve(path);
    if (!Files.exists(found)) {
      throw new AssertionError("the golden directory lacks " + found);
    }
    return found;
  }
}
