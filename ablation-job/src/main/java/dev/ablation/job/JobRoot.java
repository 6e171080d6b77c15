package dev.ablation.job;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The folder below which a job may read and write files. */
public final class JobRoot {
  private final @Nullable Path root;

  private JobRoot(@Nullable Path root) {
    this.root = root;
  }

  /** {@return no limit: every file that the process may read and write} */
  public static JobRoot anywhere() {
    return new JobRoot(null);
  }

  /**
   * Allows what lies within a folder, symbolic links followed.
   *
   * @param folder must exist
   * @return the root
   * @throws IOException if the folder does not exist
   */
  public static JobRoot within(Path folder) throws IOException {
    return new JobRoot(folder.toRealPath());
  }

  /**
   * Compares a path with the root.
   *
   * @param path absolute; need not exist
   * @return whether a job may use it
   */
  public boolean allows(Path path) {
    if (root == null) {
      return true;
    }
    Path normal = path.toAbsolutePath().normalize();
    Path existing = normal;
    // A link that leads nowhere yet could lead anywhere.
    while (existing != null && !Files.exists(existing)) {
      if (Files.isSymbolicLink(existing)) {
        return false;
      }
      existing = existing.getParent();
    }
    try {
      return Objects.requireNonNull(existing)
          .toRealPath()
          .resolve(existing.relativize(normal))
          .startsWith(root);
    } catch (IOException e) {
      return false;
    }
  }

  @Override
  public String toString() {
    return root == null ? "anywhere" : root.toString();
  }
}
