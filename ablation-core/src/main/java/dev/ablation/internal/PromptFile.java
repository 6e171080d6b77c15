package dev.ablation.internal;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** Prompts in a text file, one per line. */
public final class PromptFile {
  private PromptFile() {}

  /**
   * Reads the lines that are not blank.
   *
   * @param file UTF-8
   * @return at least one prompt
   * @throws IOException if the file cannot be read or holds none; the message names it
   */
  public static List<String> read(Path file) throws IOException {
    List<String> prompts =
        TextFile.lines(file).stream().map(String::strip).filter(s -> !s.isEmpty()).toList();
    if (prompts.isEmpty()) {
      throw new IOException(file + ": must contain at least one prompt, one per line");
    }
    return prompts;
  }
}
