package dev.ablation.examples.study;

import ai.djl.Device;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.examples.EmbeddedEvaluator;
import dev.ablation.examples.EmbeddedModel;
import dev.ablation.examples.ProgressBars;
import java.io.IOException;
import picocli.CommandLine.Option;

/** Options of every command of this package, and what they open; the caller closes it. */
final class StudyOptions {
  /** A run is one process on one core, and the processes share the cores. */
  private static final int THREADS = 1;

  @Option(
      names = "--device",
      paramLabel = "DEVICE",
      defaultValue = "cpu",
      description = "Where: cpu, gpu0, gpu1 ... Default: ${DEFAULT-VALUE}.")
  private String device = "cpu";

  @Option(names = "--quiet", description = "Shows no progress bars.")
  private boolean quiet;

  ProgressBars bars() {
    return ProgressBars.onStandardError(!quiet);
  }

  StableDiffusion model() throws IOException {
    return EmbeddedModel.open(
        LoadOptions.defaults().device(Device.fromName(device)).threads(THREADS));
  }

  EmbeddedEvaluator judge() throws IOException {
    return EmbeddedEvaluator.open(
        LoadOptions.defaults().device(Device.fromName(device)).threads(THREADS));
  }
}
