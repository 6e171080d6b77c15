package dev.ablation.benchmarks;

import ai.djl.Device;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.djl.nn.Layer;
import dev.ablation.memory.MemoryUse;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.stream.Stream;

/**
 * The Java side of {@link PeerComparison}: reads commands from standard input and answers each with
 * one line. {@code src/main/python/peer.py} speaks the same.
 *
 * <ul>
 *   <li>{@code run}: {@code done WALL_NANOS CPU_NANOS RESULT}
 *   <li>{@code memory}: {@code memory WEIGHT_BYTES LOADED_BYTES PEAK_BYTES}; the peak since loading
 *   <li>{@code quit}
 * </ul>
 */
final class JavaPeer {
  private JavaPeer() {}

  /**
   * Runs the worker.
   *
   * @param args {@code --model FOLDER --scenario NAME}, and those of {@link PeerComparison}
   * @throws IOException if the model cannot be read
   */
  public static void main(String[] args) throws IOException {
    Arguments arguments = new Arguments(args);
    LoadOptions options =
        LoadOptions.defaults()
            .device(Device.fromName(arguments.get("device", "cpu")))
            .threads(Math.max(1, arguments.get("threads", 1) / arguments.get("workers", 1)))
            .workers(arguments.get("workers", 1));
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    try (StableDiffusion model =
            StableDiffusion.load(Path.of(arguments.require("model")), options);
        Work work = Work.of(Scenario.of(arguments.require("scenario")), model, arguments)) {
      long weights =
          Stream.of(model.unet(), model.vae(), model.textEncoder())
              .mapToLong(JavaPeer::bytes)
              .sum();
      long loaded = MemoryUse.resident().orElseThrow();
      if (!MemoryUse.resetPeak()) {
        throw new IllegalStateException("this system does not count the peak of memory anew");
      }
      System.out.println("ready");
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        switch (line) {
          case "run" -> System.out.println(timed(work));
          case "memory" ->
              System.out.println(
                  "memory %d %d %d".formatted(weights, loaded, MemoryUse.peak().orElseThrow()));
          case "quit" -> {
            return;
          }
          default -> throw new IllegalArgumentException("unknown command " + line);
        }
      }
    }
  }

  private static long bytes(Layer network) {
    long[] sum = {0};
    network.forEachWeight((name, weight) -> sum[0] += weight.shape().size() * Float.BYTES);
    return sum[0];
  }

  private static String timed(Work work) {
    long cpu = cpuNanos();
    long start = System.nanoTime();
    double result = work.once();
    long wall = System.nanoTime() - start;
    return "done %d %d %s".formatted(wall, cpuNanos() - cpu, result);
  }

  /** Time of all threads, the compiler's and the collector's included. */
  private static long cpuNanos() {
    return ManagementFactory.getPlatformMXBean(com.sun.management.OperatingSystemMXBean.class)
        .getProcessCpuTime();
  }
}
