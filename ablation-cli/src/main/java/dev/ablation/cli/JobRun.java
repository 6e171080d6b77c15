package dev.ablation.cli;

import dev.ablation.AblationResult;
import dev.ablation.emoji.AblationJob;
import dev.ablation.emoji.EmbeddedEvaluator;
import dev.ablation.emoji.ProgressBars;
import dev.ablation.evaluation.AttackResult;
import dev.ablation.evaluation.EvaluationResult;
import dev.ablation.event.AblationEvent;
import dev.ablation.model.DiffusionModel;
import dev.ablation.sample.LatentSampler;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import javax.imageio.ImageIO;
import org.jspecify.annotations.Nullable;

/** Runs a job: draws, ablates, draws again, writes the files. */
final class JobRun {
  static final String REPORT = "report.html";
  static final String SHEET = "before-after.png";
  static final String LOSS_IMAGE = "loss.png";
  static final String LOSS_TABLE = "loss.csv";
  static final String DELTA = "delta.safetensors";
  static final String SUMMARY = "summary.txt";

  private final AblationJob job;
  private final DiffusionModel model;
  private final Path folder;
  private final @Nullable EmbeddedEvaluator evaluator;
  private final ProgressBars bars;

  JobRun(
      AblationJob job,
      DiffusionModel model,
      Path folder,
      ProgressBars bars,
      @Nullable EmbeddedEvaluator evaluator) {
    this.evaluator = evaluator;
    this.job = job;
    this.model = model;
    this.folder = folder;
    this.bars = bars;
  }

  Summary run() throws IOException {
    long start = System.nanoTime();
    AtomicReference<Duration> training = new AtomicReference<>(Duration.ZERO);
    List<BufferedImage> before = draw("images before");
    try (AblationResult result =
        job.plan(model)
            .listener(bars)
            .listener(event -> {
              if (event instanceof AblationEvent.StepCompleted step) {
                training.set(step.elapsed());
              }
            })
            .run()) {
      result.delta().save(folder.resolve(DELTA));
      Files.writeString(folder.resolve(LOSS_TABLE), LossCurve.csv(result.history()));
      List<BufferedImage> after = result.delta().applied(model, () -> draw("images after"));
      Comparison comparison = new Comparison(job.grid(), before, after);
      write(ComparisonSheet.draw(comparison, title()), SHEET);
      if (Lettering.isAvailable()) {
        write(LossCurve.draw(result.history(), title()), LOSS_IMAGE);
      }
      GridEvaluation grid = new GridEvaluation(job, comparison, evaluator);
      EvaluationResult evaluation =
          grid.result(Duration.ofNanos(System.nanoTime() - start).minus(result.elapsed()));
      List<AttackResult> attempts =
          grid.attempts().stream()
              .map(attempt -> attempt.run(model, result.delta(), () -> false))
              .toList();
      result.evaluation(evaluation.attacks(attempts)).report(folder.resolve(REPORT));
      Summary summary =
          new Summary(
              job,
              model.descriptor().name(),
              comparison,
              attempts,
              result.history(),
              result.elapsed().minus(training.get()),
              training.get(),
              Duration.ofNanos(System.nanoTime() - start),
              PeakMemory.inBytes(),
              folder);
      Files.writeString(folder.resolve(SUMMARY), summary.text());
      return summary;
    }
  }

  private List<BufferedImage> draw(String what) {
    return LatentSampler.of(model)
        .settings(job.sampling())
        .listener(bars.drawing(what))
        .draw(job.grid().prompts(), job.seed());
  }

  private String title() {
    if (job.removals().size() > 1) {
      return "%d concepts removed at once from the model '%s'"
          .formatted(job.removals().size(), model.descriptor().name());
    }
    return "The %s, replaced by '%s' in the model '%s'"
        .formatted(job.targets(), job.anchors(), model.descriptor().name());
  }

  private void write(BufferedImage image, String name) throws IOException {
    try (OutputStream file = Files.newOutputStream(folder.resolve(name))) {
      if (!ImageIO.write(image, "png", file)) {
        throw new IOException("this Java cannot write PNG: " + folder.resolve(name));
      }
    }
  }
}
