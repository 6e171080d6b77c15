package dev.ablation.djl.load;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** A folder, configuration or index of a checkpoint that is incomplete or contradicts itself. */
public final class InvalidCheckpointException extends IOException {
  private static final long serialVersionUID = 1L;

  private final transient Path path;
  private final transient List<String> problems;

  /**
   * Creates the exception.
   *
   * @param path the file or folder
   * @param problem what is wrong with it
   */
  public InvalidCheckpointException(Path path, String problem) {
    this(path, List.of(problem));
  }

  /**
   * Creates the exception.
   *
   * @param path the file or folder
   * @param problems everything that is wrong with it, at least one
   */
  public InvalidCheckpointException(Path path, List<String> problems) {
    super(path + ": " + String.join("; ", problems));
    this.path = path;
    this.problems = List.copyOf(problems);
  }

  /** {@return the file or folder} */
  public Path path() {
    return path;
  }

  /** {@return everything that is wrong with it, one sentence each; never empty} */
  public List<String> problems() {
    return problems;
  }
}
