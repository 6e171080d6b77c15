package dev.ablation.benchmarks;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Resident memory of this process, from Linux's {@code /proc}. */
final class ProcessMemory {
  private ProcessMemory() {}

  /** Returns what is resident now, in bytes. */
  static long resident() {
    return field("VmRSS");
  }

  /** Returns the most that was resident since {@link #resetPeak()}, in bytes. */
  static long peak() {
    return field("VmHWM");
  }

  /** Begins to look for the peak anew, so that loading does not count. */
  static void resetPeak() {
    try {
      Files.writeString(Path.of("/proc/self/clear_refs"), "5");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static long field(String name) {
    try {
      return Files.readAllLines(Path.of("/proc/self/status")).stream()
          .filter(line -> line.startsWith(name + ":"))
          .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) * 1024)
          .findFirst()
          .orElseThrow();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
