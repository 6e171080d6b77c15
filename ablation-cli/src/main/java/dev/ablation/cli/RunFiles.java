package dev.ablation.cli;

import dev.ablation.Ablation;
import dev.ablation.AblationResult;
import dev.ablation.anchor.TargetAnchor;
import dev.ablation.evaluation.EvaluationResult;
import dev.ablation.event.AblationEvent;
import dev.ablation.image.ImageFile;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.AtomicFiles.Existing;
import dev.ablation.job.Acceptance;
import dev.ablation.job.JobRun;
import dev.ablation.job.JobSession;
import dev.ablation.memory.MemoryUse;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** The files that the command line adds to those of a run, and its summary. */
final class RunFiles {
  static final String SHEET = "before-after.png";
  static final String LOSS_IMAGE = "loss.png";
  static final String LOSS_TABLE = "loss.csv";
  static final String SUMMARY = "summary.txt";

  private final JobRun run;
  private final long start = System.nanoTime();
  private int images;
  private Duration training = Duration.ZERO;
  private String summary = "";

  RunFiles(JobRun run) {
    this.run = run;
  }

  /** Records what the result does not contain. */
  void on(AblationEvent event) {
    if (event instanceof AblationEvent.Started started) {
      images = started.anchorImages();
    } else if (event instanceof AblationEvent.StepCompleted step) {
      training = step.elapsed();
    }
  }

  void write(AblationResult result, JobSession session) throws IOException {
    Path folder = run.folder();
    Ablation plan = session.plan();
    String model = session.model().descriptor().name();
    String title = title(plan.pairs(), model);
    if (!result.history().isEmpty()) {
      AtomicFiles.writeString(
          folder.resolve(LOSS_TABLE), Existing.REPLACE, LossCurve.csv(result.history()));
      if (Lettering.isAvailable()) {
        ImageFile.writePng(LossCurve.draw(result.history(), title), folder.resolve(LOSS_IMAGE));
      }
    }
    if (result.evaluation().isPresent()) {
      EvaluationResult evaluation = result.evaluation().get();
      List<String> columns = columns(session, evaluation);
      if (!columns.isEmpty()) {
        ImageFile.writePng(ComparisonSheet.draw(evaluation, columns, title), folder.resolve(SHEET));
      }
    }
    summary =
        new Summary(
                plan.pairs().stream()
                    .map(pair -> pair.target().toString())
                    .collect(Collectors.joining(" and the ")),
                plan.pairs().stream()
                    .map(pair -> pair.anchor().name())
                    .collect(Collectors.joining(" and ")),
                model,
                result.history(),
                result.evaluation(),
                Acceptance.verdicts(run.job().acceptance(), result.evaluation()),
                new Summary.Cost(
                    images,
                    result.elapsed().minus(training),
                    training,
                    Duration.ofNanos(System.nanoTime() - start),
                    MemoryUse.peak()))
            .text();
    AtomicFiles.writeString(folder.resolve(SUMMARY), Existing.REPLACE, summary);
  }

  /** The sheet shows as many images of each subject as the one with the fewest shows. */
  private static List<String> columns(JobSession session, EvaluationResult evaluation) {
    int shown =
        evaluation.subjects().stream().mapToInt(each -> each.shown().size()).min().orElse(0);
    List<String> named = session.columns();
    return IntStream.range(0, shown)
        .mapToObj(i -> i < named.size() ? named.get(i) : "prompt " + (i + 1))
        .toList();
  }

  private static String title(List<TargetAnchor> pairs, String model) {
    if (pairs.size() > 1) {
      return "%d concepts in the model '%s', before and after".formatted(pairs.size(), model);
    }
    return "The %s, replaced by '%s' in the model '%s'"
        .formatted(pairs.get(0).target(), pairs.get(0).anchor().name(), model);
  }

  String summary() {
    return summary;
  }

  /** The files of the folder, as lines. */
  String list() throws IOException {
    return Summary.files(run.folder());
  }
}
