package dev.ablation.memory;

import ai.djl.Device;
import ai.djl.util.cuda.CudaUtils;
import dev.ablation.internal.TextFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;

/**
 * How much more memory is taken than at the beginning: on a CUDA device, of the device; otherwise
 * the peak of this process, the engine's memory outside the Java heap included. The system reports
 * on Linux alone, from {@code /proc/self}. All numbers are bytes.
 *
 * {@snippet class="dev.ablation.Snippets" region="memory"}
 */
public final class MemoryUse {
  private static final Path STATUS = Path.of("/proc/self/status");
  private static final Path CLEAR = Path.of("/proc/self/clear_refs");
  private static final String RESIDENT = "VmRSS:";
  private static final String PEAK = "VmHWM:";
  private static final long KIBIBYTE = 1024;

  private final Device device;
  private final OptionalLong used;
  private final OptionalLong peak;

  private MemoryUse(Device device) {
    this.device = device;
    used = device.isGpu() ? ofDevice(device) : resident();
    peak = device.isGpu() ? OptionalLong.empty() : peak();
  }

  /**
   * Starts a measurement.
   *
   * @param device that the work to measure is done on
   * @return the measurement
   */
  public static MemoryUse begin(Device device) {
    return new MemoryUse(device);
  }

  /**
   * {@return the increase in bytes; empty if it cannot be measured: on other systems, and where the
   * process or the engine's pool had more memory at an earlier time}
   */
  public OptionalLong increase() {
    OptionalLong after = device.isGpu() ? ofDevice(device) : peak();
    OptionalLong before = device.isGpu() ? used : peak;
    return used.isPresent()
            && after.isPresent()
            && before.isPresent()
            && after.getAsLong() > before.getAsLong()
        ? OptionalLong.of(after.getAsLong() - used.getAsLong())
        : OptionalLong.empty();
  }

  /** {@return the bytes in use at the beginning; empty if they cannot be measured} */
  public OptionalLong before() {
    return used;
  }

  /** {@return the resident memory of this process now; empty if the system does not report it} */
  public static OptionalLong resident() {
    return ofProcess(RESIDENT);
  }

  /**
   * {@return the peak resident memory of this process since it started, or since {@link
   * #resetPeak}; empty if the system does not report it}
   */
  public static OptionalLong peak() {
    return ofProcess(PEAK);
  }

  /**
   * Resets the peak of this process, so that earlier use does not count.
   *
   * @return whether the system does so
   */
  public static boolean resetPeak() {
    try {
      Files.writeString(CLEAR, "5");
      return true;
    } catch (IOException e) {
      return false; // not Linux, or not allowed
    }
  }

  /**
   * Returns the memory of a CUDA device that is in use, by any process.
   *
   * @param device a GPU
   * @return bytes; empty if the device does not report it
   */
  public static OptionalLong ofDevice(Device device) {
    try {
      return OptionalLong.of(CudaUtils.getGpuMemory(device).getUsed());
    } catch (RuntimeException e) {
      return OptionalLong.empty(); // no CUDA device
    }
  }

  private static OptionalLong ofProcess(String field) {
    try {
      return TextFile.lines(STATUS).stream()
          .filter(line -> line.startsWith(field))
          .mapToLong(line -> KIBIBYTE * Long.parseLong(line.replaceAll("\\D", "")))
          .findFirst();
    } catch (IOException | NumberFormatException e) {
      return OptionalLong.empty(); // not Linux
    }
  }
}
