package dev.ablation.cli;

import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import picocli.CommandLine.Option;

/** The option {@code --output} of commands that write something new. */
final class NewPathOption {
  @Option(
      names = "--output",
      required = true,
      paramLabel = "PATH",
      description = "What to write; must not exist.")
  private Path path;

  @SuppressWarnings("NullAway.Init") // picocli fills in what is required
  NewPathOption() {}

  Path path() {
    return path;
  }

  /** Before the long work. */
  void checkAbsent() throws FileAlreadyExistsException {
    if (Files.exists(path)) {
      throw new FileAlreadyExistsException(
          path.toString(), null, "exists already; choose an output that does not");
    }
  }
}
