package dev.ablation.benchmarks;

import dev.ablation.djl.StableDiffusion;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.memory.MemoryUse;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;

/**
 * Shows whether memory grows: repeats training steps, then sampling calls, and prints resident
 * memory and the number of managed arrays on the way.
 *
 * <pre>{@code
 * java -cp CLASS_PATH dev.ablation.benchmarks.MemoryFlatness [--model FOLDER] [--repeats 300]
 *     [--steps 4] [--every 30]
 * }</pre>
 *
 * <p>Without a folder it takes the embedded model. The first tenth of the repetitions, in which the
 * allocators fill their pools, does not count for the growth.
 */
public final class MemoryFlatness {
  private static final double MIB = 1024 * 1024;

  private MemoryFlatness() {}

  /**
   * Runs the measurement.
   *
   * @param args see the class
   * @throws IOException if the model cannot be read
   */
  public static void main(String[] args) throws IOException {
    Arguments arguments = new Arguments(args);
    LoadOptions options = LoadOptions.defaults().threads(arguments.get("threads", 1));
    try (StableDiffusion model =
        arguments.has("model")
            ? StableDiffusion.load(Path.of(arguments.require("model")), options)
            : EmbeddedModel.open(options)) {
      System.out.println(
          "| work | repeats | resident MiB at start | at end | growth | arrays at start | at end |");
      System.out.println("|---|---|---|---|---|---|---|");
      for (Scenario scenario : new Scenario[] {Scenario.STEP, Scenario.SAMPLING}) {
        repeat(scenario, model, arguments);
      }
    }
  }

  private static void repeat(Scenario scenario, StableDiffusion model, Arguments arguments) {
    int repeats = arguments.get("repeats", 300);
    int every = arguments.get("every", 30);
    try (Work work = Work.of(scenario, model, arguments.orElse("steps", "4"))) {
      long start = 0;
      int arrays = 0;
      for (int i = -repeats / 10; i <= repeats; i++) {
        work.once();
        if (i == 0) {
          start = MemoryUse.resident().orElseThrow();
          arrays = model.manager().getManagedArrays().size();
        }
        if (i >= 0 && i % every == 0) {
          System.err.printf(
              Locale.ROOT,
              "%s %d: %.1f MiB%n",
              scenario.label(),
              i,
              MemoryUse.resident().orElseThrow() / MIB);
        }
      }
      long end = MemoryUse.resident().orElseThrow();
      System.out.printf(
          Locale.ROOT,
          "| %s | %d | %.1f | %.1f | %+.1f %% | %d | %d |%n",
          scenario.label(),
          repeats,
          start / MIB,
          end / MIB,
          100.0 * (end - start) / start,
          arrays,
          model.manager().getManagedArrays().size());
    }
  }
}
