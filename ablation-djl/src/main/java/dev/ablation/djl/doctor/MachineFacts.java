package dev.ablation.djl.doctor;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

/** Reads what the system tells about itself. */
final class MachineFacts {
  private static final Path CPU = Path.of("/proc/cpuinfo");

  /** What PyTorch and its libraries choose their kernels by. */
  private static final List<String> SETS =
      List.of(
          "sse4_2", "avx", "f16c", "fma", "avx2", "avx512f", "avx512_vnni", "avx512_bf16",
          "avx512_fp16", "amx_tile", "amx_bf16", "asimd", "asimdhp", "bf16", "sve", "sve2");

  private MachineFacts() {}

  static Machine read() {
    List<String> cpu = cpuInfo();
    return new Machine(
        system(System.getProperty("os.name", ""), System.getProperty("os.arch", "")),
        libc(),
        field(cpu, "model name"),
        Runtime.getRuntime().availableProcessors(),
        sets(field(cpu, "flags") + " " + field(cpu, "Features")),
        memory());
  }

  /** The classifier of this system, as the artifacts have it. */
  static String system(String name, String arch) {
    String os = name.toLowerCase(Locale.ROOT);
    String short_ = os.startsWith("win") ? "win" : os.startsWith("mac") ? "osx" : "linux";
    String machine = arch.equals("amd64") ? "x86_64" : arch.equals("arm64") ? "aarch64" : arch;
    return short_ + "-" + machine;
  }

  private static List<String> cpuInfo() {
    try {
      return Files.readAllLines(CPU);
    } catch (IOException e) {
      return List.of(); // not Linux
    }
  }

  private static String field(List<String> lines, String name) {
    return lines.stream()
        .filter(line -> line.startsWith(name))
        .map(line -> line.substring(line.indexOf(':') + 1).strip())
        .findFirst()
        .orElse("");
  }

  static List<String> sets(String flags) {
    List<String> present = Arrays.asList(flags.split("\\s+"));
    return SETS.stream().filter(present::contains).toList();
  }

  private static long memory() {
    return ManagementFactory.getOperatingSystemMXBean() instanceof OperatingSystemMXBean system
        ? system.getTotalMemorySize()
        : -1;
  }

  private static String libc() {
    if (!System.getProperty("os.name", "").equalsIgnoreCase("linux")) {
      return "";
    }
    String glibc = firstLine("getconf", "GNU_LIBC_VERSION");
    if (glibc.startsWith("glibc ")) {
      return glibc;
    }
    return Surroundings.files(Path.of("/lib")).stream().anyMatch(name -> name.startsWith("ld-musl"))
        ? "musl"
        : "";
  }

  private static String firstLine(String... command) {
    try {
      Process process =
          new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
      process.getOutputStream().close();
      String text =
          new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
      return process.waitFor(5, TimeUnit.SECONDS) && process.exitValue() == 0 ? text : "";
    } catch (IOException e) {
      return "";
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return "";
    }
  }
}
