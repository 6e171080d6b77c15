package dev.ablation.listener;

import dev.ablation.internal.TextFile;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * A text file that grows by whole lines. Each line is a single write, so that readers can follow
 * the file. An incomplete last line, left by a killed process, is removed on opening.
 */
final class LogFile implements AutoCloseable {
  private final OutputStream out;
  private final List<String> before;

  private LogFile(OutputStream out, List<String> before) {
    this.out = out;
    this.before = before;
  }

  static LogFile open(Path path) throws IOException {
    Path parent = path.toAbsolutePath().getParent();
    if (parent != null) {
      Files.createDirectories(parent);
    }
    List<String> before = List.of();
    if (Files.exists(path)) {
      cutUnfinishedLine(path);
      before = TextFile.lines(path);
    }
    // Not a channel: channels close when their thread is interrupted.
    return new LogFile(new FileOutputStream(path.toFile(), true), before);
  }

  private static void cutUnfinishedLine(Path path) throws IOException {
    try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
      long end = file.length();
      while (end > 0) {
        file.seek(end - 1);
        if (file.read() == '\n') {
          break;
        }
        end--;
      }
      if (end < file.length()) {
        file.setLength(end);
      }
    }
  }

  /** {@return the lines that the file held when it was opened} */
  List<String> before() {
    return before;
  }

  void append(String line) throws IOException {
    out.write((line + "\n").getBytes(StandardCharsets.UTF_8));
    out.flush();
  }

  @Override
  public void close() throws IOException {
    out.close();
  }
}
