package dev.ablation.emoji.command;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;

/**
 * Resident memory of this process, the engine's outside of the Java heap included, from Linux's
 * {@code /proc}.
 */
public final class PeakMemory {
  private static final Path STATUS = Path.of("/proc/self/status");
  private static final Path CLEAR = Path.of("/proc/self/clear_refs");

  private PeakMemory() {}

  /** {@return the peak since the process or {@link #reset()} in bytes; empty on other systems} */
  public static OptionalLong inBytes() {
    return field("VmHWM:");
  }

  /** {@return what is resident now, in bytes; empty on other systems} */
  public static OptionalLong resident() {
    return field("VmRSS:");
  }

  /**
   * Begins to look for the peak anew, so that what came before does not count.
   *
   * @return whether the system allows it
   */
  public static boolean reset() {
    try {
      Files.writeString(CLEAR, "5");
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  private static OptionalLong field(String name) {
    if (!Files.isReadable(STATUS)) {
      return OptionalLong.empty();
    }
    try {
      List<String> lines = Files.readAllLines(STATUS);
      return lines.stream()
          .filter(line -> line.startsWith(name))
          .mapToLong(line -> 1024 * Long.parseLong(line.replaceAll("\\D", "")))
          .findFirst();
    } catch (IOException e) {
      return OptionalLong.empty();
    }
  }
}
