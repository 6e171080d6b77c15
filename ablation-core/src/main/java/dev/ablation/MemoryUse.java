package dev.ablation;

import ai.djl.Device;
import ai.djl.util.cuda.CudaUtils;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;

/**
 * How much more memory is taken than at the beginning: on a CUDA device, of the device; on Linux
 * otherwise, the peak of the process.
 */
final class MemoryUse {
  private static final Path STATUS = Path.of("/proc/self/status");
  private static final String NOW = "VmRSS:";
  private static final String PEAK = "VmHWM:";
  private static final long KIBIBYTE = 1024;

  private final Device device;
  private final OptionalLong used;
  private final OptionalLong peak;

  private MemoryUse(Device device) {
    this.device = device;
    used = device.isGpu() ? ofDevice() : ofProcess(NOW);
    peak = device.isGpu() ? OptionalLong.empty() : ofProcess(PEAK);
  }

  static MemoryUse begin(Device device) {
    return new MemoryUse(device);
  }

  /**
   * {@return the increase in bytes; empty if it cannot be told: on other systems, and where the
   * process or the engine's pool had more memory at an earlier time}
   */
  OptionalLong increase() {
    OptionalLong after = device.isGpu() ? ofDevice() : ofProcess(PEAK);
    OptionalLong before = device.isGpu() ? used : peak;
    return used.isPresent()
            && after.isPresent()
            && before.isPresent()
            && after.getAsLong() > before.getAsLong()
        ? OptionalLong.of(after.getAsLong() - used.getAsLong())
        : OptionalLong.empty();
  }

  private OptionalLong ofDevice() {
    try {
      return OptionalLong.of(CudaUtils.getGpuMemory(device).getUsed());
    } catch (RuntimeException e) {
      return OptionalLong.empty(); // no CUDA device
    }
  }

  private static OptionalLong ofProcess(String field) {
    try {
      return Files.readAllLines(STATUS).stream()
          .filter(line -> line.startsWith(field))
          .mapToLong(line -> KIBIBYTE * Long.parseLong(line.replaceAll("\\D", "")))
          .findFirst();
    } catch (IOException | NumberFormatException e) {
      return OptionalLong.empty(); // not Linux
    }
  }
}
