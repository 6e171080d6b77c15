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

/** Options of every command of this package, and what they open; the caller closes it. */
final class StudyOptions {
  /** A run is one process on one core, and the processes share the cores. */
  private static final int THREADS = 1;

  @Mixin private DeviceOption on = new DeviceOption();

  @Mixin private ProgressOption progress = new ProgressOption();

  ProgressBars bars() {
    return progress.bars();
  }

  StableDiffusion model() throws IOException {
    return EmbeddedModel.open(LoadOptions.defaults().device(on.device()).threads(THREADS));
  }

  /** Another model, such as a control. */
  StableDiffusion model(Path folder) throws IOException {
    return StableDiffusion.load(
        folder, LoadOptions.defaults().device(on.device()).threads(THREADS));
  }

  EmbeddedEvaluator judge() throws IOException {
    return EmbeddedEvaluator.open(LoadOptions.defaults().device(on.device()).threads(THREADS));
  }
}
