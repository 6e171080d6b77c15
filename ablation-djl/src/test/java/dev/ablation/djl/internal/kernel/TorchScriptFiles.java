package dev.ablation.djl.internal.kernel;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Writes TorchScript files without weights. */
public final class TorchScriptFiles {
  private TorchScriptFiles() {}

  /**
   * Writes a module.
   *
   * @param file to write
   * @param function parameters and body of {@code forward}
   * @return the file
   * @throws IOException if it cannot be written
   */
  public static Path write(Path file, String function) throws IOException {
    return Files.write(file, TorchScriptArchive.of(function));
  }
}
