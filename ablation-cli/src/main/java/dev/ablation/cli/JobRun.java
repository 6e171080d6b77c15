package dev.ablation.cli;

import dev.ablation.Ablation;
import dev.ablation.AblationResult;
import dev.ablation.emoji.command.ProgressBars;
import dev.ablation.event.AblationEvent;
import dev.ablation.event.AblationListener;
import dev.ablation.memory.MemoryUse;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Collectors;
import javax.imageio.ImageIO;

/** Runs a plan and writes the files that show what it did. */
final class JobRun {
  static final String REPORT = "report.html";
  static final String REPORT_JSON = "report.json";
  static final String SHEET = "before-after.png";
  static final String LOSS_IMAGE = "loss.png";
  static final String LOSS_TABLE = "loss.csv";
  static final String DELTA = "delta.safetensors";
  static final String SUMMARY = "summary.txt";

  private final Ablation plan;
  private final String model;
  private final List<String> columns;
  private final Path folder;
  private final ProgressBars bars;

  /**
   * Prepares a run.
   *
   * @param plan evaluation included
   * @param model its name
   * @param columns captions of the evaluation's images
   * @param folder to write to
   * @param bars show the progress
   */
  JobRun(Ablation plan, String model, List<String> columns, Path folder, ProgressBars bars) {
    this.plan = plan;
    this.model = model;
    this.columns = columns;
    this.folder = folder;
    this.bars = bars;
  }

  Summary run() throws IOException {
    long start = System.nanoTime();
    Watch watch = new Watch();
    try (AblationResult result = plan.listener(bars).listener(watch).run()) {
      result.delta().save(folder.resolve(DELTA));
      if (!result.history().isEmpty()) {
        Files.writeString(folder.resolve(LOSS_TABLE), LossCurve.csv(result.history()));
      }
      if (result.evaluation().isPresent()) {
        write(ComparisonSheet.draw(result.evaluation().get(), columns, title()), SHEET);
      }
      if (Lettering.isAvailable() && !result.history().isEmpty()) {
        write(LossCurve.draw(result.history(), title()), LOSS_IMAGE);
      }
      result.report(folder.resolve(REPORT));
      Summary summary =
          new Summary(
              targets(),
              anchors(),
              watch.images,
              model,
              result.history(),
              result.evaluation(),
              result.elapsed().minus(watch.training),
              watch.training,
              Duration.ofNanos(System.nanoTime() - start),
              MemoryUse.peak(),
              folder);
      Files.writeString(folder.resolve(SUMMARY), summary.text());
      return summary;
    }
  }

  /** Records what the result does not contain. */
  private static final class Watch implements AblationListener {
    private int images;
    private Duration training = Duration.ZERO;

    @Override
    public void on(AblationEvent event) {
      if (event instanceof AblationEvent.Started started) {
        images = started.anchorImages();
      } else if (event instanceof AblationEvent.StepCompleted step) {
        training = step.elapsed();
      }
    }
  }

  /** Such as {@code "style 'blueprint' and the instance 'a cat face'"}. */
  private String targets() {
    return plan.pairs().stream()
        .map(pair -> pair.target().toString())
        .collect(Collectors.joining(" and the "));
  }

  /** Such as {@code "twemoji and an animal"}. */
  private String anchors() {
    return plan.pairs().stream()
        .map(pair -> pair.anchor().name())
        .collect(Collectors.joining(" and "));
  }

  private String title() {
    if (plan.pairs().size() > 1) {
      return "%d concepts removed at once from the model '%s'"
          .formatted(plan.pairs().size(), model);
    }
    return "The %s, replaced by '%s' in the model '%s'".formatted(targets(), anchors(), model);
  }

  private void write(BufferedImage image, String name) throws IOException {
    try (OutputStream file = Files.newOutputStream(folder.resolve(name))) {
      if (!ImageIO.write(image, "png", file)) {
        throw new IOException("this Java cannot write PNG: " + folder.resolve(name));
      }
    }
  }
}
