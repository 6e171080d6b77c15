package dev.ablation.emoji.study;

import dev.ablation.djl.StableDiffusion;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.emoji.EmbeddedEvaluator;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.emoji.command.DeviceOption;
import dev.ablation.emoji.command.ProgressBars;
import dev.ablation.emoji.command.ProgressOption;
import java.io.IOException;
import java.nio.file.Path;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Options of every command of this package, and what they open; the caller closes it. */
final class StudyOptions {
  @Option(
      names = "--threads",
      paramLabel = "N",
      defaultValue = "1",
      description =
          "Threads that share every operation; processes side by side gain more. Default:"
              + " ${DEFAULT-VALUE}.")
  private int threads = 1;

  @Option(
      names = "--workers",
      paramLabel = "N",
      defaultValue = "1",
      description = "Threads that share a batch. Default: ${DEFAULT-VALUE}.")
  private int workers = 1;

  @Option(
      names = "--batch",
      paramLabel = "N",
      defaultValue = "16",
      description = "Batch size of sampling. Default: ${DEFAULT-VALUE}.")
  private int batch = 16;

  @Option(
      names = "--tables",
      description = "Makes no run, only the tables of the existing results.")
  private boolean tables;

  @Mixin private DeviceOption on = new DeviceOption();

  @Mixin private ProgressOption progress = new ProgressOption();

  /** Checks the numbers. */
  void check() {
    if (threads < 1 || workers < 1 || batch < 1) {
      throw new IllegalArgumentException(
          "--threads, --workers and --batch must be positive, were %d, %d and %d"
              .formatted(threads, workers, batch));
    }
  }

  int batch() {
    return batch;
  }

  boolean tables() {
    return tables;
  }

  ProgressBars bars() {
    return progress.bars();
  }

  StableDiffusion model() throws IOException {
    return EmbeddedModel.open(load());
  }

  /** Another model, such as a control. */
  StableDiffusion model(Path folder) throws IOException {
    return StableDiffusion.load(folder, load());
  }

  EmbeddedEvaluator judge() throws IOException {
    return EmbeddedEvaluator.open(load());
  }

  private LoadOptions load() {
    return LoadOptions.defaults().device(on.device()).threads(threads).workers(workers);
  }
}
