package dev.ablation;

import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.checkpoint.Checkpoints;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.WeightGroup;
import dev.ablation.objective.AblationObjective;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.testing.TinyDiffusion;
import dev.ablation.train.LearningRateSchedule;
import dev.ablation.train.TrainingMonitor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * A small run with everything that a checkpoint must keep, in a process of its own: {@code
 * KillableRun FOLDER}. At every event it prints a line and waits for a byte of its input, unless
 * that has ended. At the end it saves its delta beside the folder.
 */
final class KillableRun {
  static final String EVENT = "event";

  private KillableRun() {}

  static Ablation plan(DiffusionModel model, Path folder) {
    return Ablator.of(model)
        .target("grumpy cat")
        .anchor(
            AnchorStrategy.generated("cat", List.of("a photo of a cat", "two cats", "the cat"))
                .images(16)
                .sampling(SamplingSettings.defaults().steps(8).batchSize(1)))
        .objective(
            AblationObjective.modelBased().plus(AblationObjective.priorPreservation().times(0.3)))
        .weights(WeightGroup.denoiser().or(WeightGroup.tokenEmbeddings()))
        .training(t ->
            t.steps(30)
                .batchSize(2)
                .accumulation(2)
                .learningRate(0.02)
                .schedule(LearningRateSchedule.cosine(5, 0.1))
                .measure("size of the key", 5, of -> size(of, "network.key"))
                .monitor(TrainingMonitor.keepingLowest("size of the key")))
        .seed(11)
        .checkpoints(Checkpoints.in(folder).every(3).keep(2));
  }

  private static double size(DiffusionModel model, String weight) {
    double sum = 0;
    for (float value : model.weights().get(weight).toFloatArray()) {
      sum += value * value;
    }
    return sum;
  }

  static Path deltaOf(Path folder) {
    return folder.resolveSibling(folder.getFileName() + ".delta");
  }

  public static void main(String[] folder) throws IOException {
    Path path = Path.of(folder[0]);
    try (TinyDiffusion model = TinyDiffusion.open(1)) {
      Ablation plan = plan(model, path).listener(event -> printAndWait());
      try (AblationResult result = plan.run()) {
        Files.deleteIfExists(deltaOf(path));
        result.delta().save(deltaOf(path));
      }
    }
  }

  private static void printAndWait() {
    System.out.println(EVENT);
    try {
      System.in.read();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
