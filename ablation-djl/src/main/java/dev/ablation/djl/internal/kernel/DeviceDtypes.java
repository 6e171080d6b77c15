package dev.ablation.djl.internal.kernel;

import ai.djl.Device;
import ai.djl.util.cuda.CudaUtils;
import dev.ablation.internal.TextFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Which formats of 16 bits a device computes in. The engine computes in others too, but by way of
 * float32, several times slower than in float32 itself.
 */
public final class DeviceDtypes {
  private static final Path CPU = Path.of("/proc/cpuinfo");

  /** A format, the features of processors that have it, and the first GPUs that have it. */
  private enum Narrow {
    BFLOAT16("bfloat16", Set.of("avx512_bf16", "amx_bf16", "bf16"), 80),
    FLOAT16("float16", Set.of("avx512_fp16", "amx_fp16", "asimdhp"), 53);

    private final String dtype;
    private final Set<String> features;
    private final int computeCapability;

    Narrow(String dtype, Set<String> features, int computeCapability) {
      this.dtype = dtype;
      this.features = features;
      this.computeCapability = computeCapability;
    }
  }

  private DeviceDtypes() {}

  /**
   * Returns why a device does not compute in a format.
   *
   * @param dtype such as {@code "bfloat16"}; others than the narrow ones are everywhere
   * @param device the device
   * @return the reason, starting with the format's name; empty if it computes in it, or if the
   *     system does not tell
   */
  public static Optional<String> lack(String dtype, Device device) {
    return Arrays.stream(Narrow.values())
        .filter(each -> each.dtype.equals(dtype))
        .findFirst()
        .flatMap(each -> device.isGpu() ? lackOfGpu(each, device) : lackOfCpu(each, cpuFlags()));
  }

  private static Optional<String> lackOfGpu(Narrow dtype, Device device) {
    String text = CudaUtils.getComputeCapability(device.getDeviceId());
    int capability = text.matches("\\d+") ? Integer.parseInt(text) : Integer.MAX_VALUE;
    return capability >= dtype.computeCapability
        ? Optional.empty()
        : Optional.of(
            "%s needs a GPU of compute capability %.1f or more; %s has %.1f"
                .formatted(dtype.dtype, dtype.computeCapability / 10.0, device, capability / 10.0));
  }

  static Optional<String> lack(String dtype, List<String> cpuFlags) {
    return lackOfCpu(
        Arrays.stream(Narrow.values()).filter(n -> n.dtype.equals(dtype)).findFirst().orElseThrow(),
        cpuFlags);
  }

  private static Optional<String> lackOfCpu(Narrow dtype, List<String> flags) {
    return flags.isEmpty() || flags.stream().anyMatch(dtype.features::contains)
        ? Optional.empty()
        : Optional.of(
            "%s needs a processor with instructions for it; this one has none of %s"
                .formatted(
                    dtype.dtype,
                    dtype.features.stream().sorted().collect(Collectors.joining(", "))));
  }

  /** Features of the first processor; empty where the system does not tell. */
  private static List<String> cpuFlags() {
    try {
      return TextFile.lines(CPU).stream()
          .filter(line -> line.startsWith("flags") || line.startsWith("Features"))
          .findFirst()
          .map(line -> Arrays.asList(line.split("\\s+")))
          .orElse(List.of());
    } catch (IOException e) {
      return List.of(); // not Linux
    }
  }
}
