package dev.ablation.cli;

import dev.ablation.evaluation.AttackResult;
import dev.ablation.evaluation.EvaluationResult;
import dev.ablation.evaluation.Recovery;
import dev.ablation.evaluation.Role;
import dev.ablation.job.Acceptance;
import dev.ablation.job.AcceptanceLimit;
import dev.ablation.job.JobRun;
import dev.ablation.job.Verdict;
import dev.ablation.metric.MetricResult;
import dev.ablation.train.TrainingResult.Step;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.stream.Stream;

/**
 * What a run did, in numbers.
 *
 * @param targets what was to be removed
 * @param anchors what is drawn instead
 * @param model name of the model
 * @param history loss of every step; empty of a closed form
 * @param evaluation images before and after; empty if there are none
 * @param verdicts one for each limit of the job
 * @param cost time and memory
 */
record Summary(
    String targets,
    String anchors,
    String model,
    List<Step> history,
    Optional<EvaluationResult> evaluation,
    List<Verdict> verdicts,
    Cost cost) {
  /**
   * What a run took.
   *
   * @param images how many anchor images there were
   * @param anchorTime time that the anchor images took
   * @param training time that the training took
   * @param total time of everything
   * @param peakMemory peak memory of the process in bytes, if the system reports it
   */
  record Cost(
      int images,
      Duration anchorTime,
      Duration training,
      Duration total,
      OptionalLong peakMemory) {}

  String text() {
    StringBuilder text = new StringBuilder();
    line(text, "Trained to remove the %s from the model '%s'%s", targets, model, evidence());
    line(text, "");
    line(text, "  drawn instead     %s", anchors);
    if (cost.images() > 0) {
      line(text, "  anchor images     %d in %s", cost.images(), seconds(cost.anchorTime()));
    }
    if (history.isEmpty()) {
      line(text, "  weights found     without steps in %s", seconds(cost.anchorTime()));
    } else {
      // Single steps jump, since each draws its own noise levels.
      int quarter = (history.size() + 3) / 4;
      line(
          text,
          "  training steps    %d in %s, mean loss %.4f in the first quarter, %.4f in the last",
          history.size(),
          seconds(cost.training()),
          mean(history.subList(0, quarter)),
          mean(history.subList(history.size() - quarter, history.size())));
    }
    evaluation.ifPresent(found -> leakage(text, found));
    line(text, "  total time        %s, peak memory %s", seconds(cost.total()), memory());
    line(text, "");
    for (Verdict verdict : verdicts) {
      line(text, "  %s", verdict);
    }
    if (!verdicts.isEmpty()) {
      boolean met = verdicts.stream().allMatch(Verdict::met);
      line(text, "  %s", met ? "Every limit is met." : "Not every limit is met.");
      line(text, "");
    }
    evaluation.ifPresent(found -> changes(text, found));
    return text.toString();
  }

  /** Whether the target is gone is said only where it was counted. */
  private String evidence() {
    OptionalDouble gone =
        evaluation
            .map(found -> Acceptance.measure(AcceptanceLimit.UNLEARNING, found))
            .orElse(OptionalDouble.empty());
    return gone.isPresent()
        ? String.format(
            Locale.ROOT, ": %.0f %% of its images no longer show it.", gone.getAsDouble())
        : "; whether it is gone was not measured.";
  }

  /** The files of a folder, as lines. */
  static String files(Path folder) throws IOException {
    StringBuilder text = new StringBuilder();
    line(text, "Files in %s:", folder);
    line(text, "");
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.sorted(Comparator.comparing(Path::getFileName)).toList()) {
        line(text, "  %-20s %s", file.getFileName(), describe(file));
      }
    }
    return text.toString();
  }

  private static void leakage(StringBuilder text, EvaluationResult found) {
    Duration attacks =
        found.attacks().stream().map(AttackResult::elapsed).reduce(Duration.ZERO, Duration::plus);
    line(
        text,
        "  images            %d in %s",
        2 * found.subjects().stream().mapToInt(each -> each.subject().images()).sum(),
        seconds(found.elapsed().minus(attacks)));
    attacks(text, found);
  }

  /** A line for each attack. */
  static void attacks(StringBuilder text, EvaluationResult found) {
    int width = found.attacks().stream().mapToInt(each -> each.name().length()).max().orElse(0);
    for (AttackResult attack : found.attacks()) {
      Recovery recovered = attack.independent().orElseGet(attack::recovered);
      MetricResult control = recovered.control();
      line(
          text,
          "  %s the target in %.0f %% of the images, before in %.0f %%%s%s",
          attack.name() + " ".repeat(Math.max(17, width) - attack.name().length()),
          100 * recovered.ablated().value(),
          100 * Objects.requireNonNull(recovered.base()).value(),
          control == null
              ? ""
              : String.format(Locale.ROOT, ", control in %.0f %%", 100 * control.value()),
          attack.isEvidence(recovered) ? "" : " (no evidence)");
    }
    found
        .attacksLeftOut()
        .forEach((attack, reason) -> line(text, "  %s: left out: %s", attack, reason));
  }

  private static void changes(StringBuilder text, EvaluationResult found) {
    line(text, "How much the images changed (mean squared change of pixels from 0 to 1):");
    line(text, "");
    for (Role role : Role.values()) {
      String name =
          role == Role.NEIGHBOUR
              ? "neighbours"
              : role.name().toLowerCase(Locale.ROOT).replace('_', ' ');
      found.pixelChange(role).ifPresent(change -> line(text, "  %-17s %.5f", name, change));
    }
    OptionalDouble target = found.pixelChange(Role.TARGET);
    OptionalDouble neighbours = found.pixelChange(Role.NEIGHBOUR);
    if (target.isPresent() && neighbours.isPresent()) {
      if (neighbours.getAsDouble() > 0) {
        line(
            text,
            "  ratio             %.1f times more on the target",
            target.getAsDouble() / neighbours.getAsDouble());
      }
      if (target.getAsDouble() <= neighbours.getAsDouble()) {
        line(
            text,
            "  Warning: the target moved no more than the neighbours; this is no removal. Train"
                + " longer, or with a higher learning rate.");
      }
    } else {
      line(text, "  No neighbours were named, so nothing shows whether the rest is unchanged.");
    }
    line(text, "");
  }

  private String memory() {
    return cost.peakMemory().isPresent()
        ? String.format(
            Locale.ROOT, "%.2f GiB", cost.peakMemory().getAsLong() / (double) (1L << 30))
        : "unknown on this system";
  }

  private static String describe(Path file) throws IOException {
    String what =
        switch (file.getFileName().toString()) {
          case RunFiles.SHEET -> "the same prompts and seeds, by base and ablated model";
          case RunFiles.LOSS_IMAGE -> "the loss curve";
          case RunFiles.LOSS_TABLE -> "its numbers";
          case JobRun.REPORT -> "everything on one page, for a browser";
          case "report.json" -> "its numbers, for programs";
          case RunFiles.SUMMARY -> "this text";
          case "evidence.json" -> "hashes, environment, seeds, verdicts, known limits";
          case "MODEL_CARD.md" -> "the model card";
          case "mlbom.cdx.json" -> "the bill of materials (CycloneDX)";
          case "manifest.json" -> "SHA-256 of all files";
          case "manifest.dsse.json" -> "its signature";
          case "together.json" -> "how the ledger's removals do with all of them applied";
          case "images" -> "the images before and after";
          case JobRun.JOB -> "the job, to run again";
          case JobRun.DELTA -> "the learned change of the weights";
          default -> "";
        };
    if (Files.isDirectory(file)) {
      return String.format(Locale.ROOT, "%13s  %s", "", what);
    }
    return String.format(Locale.ROOT, "%,8.1f KiB  %s", Files.size(file) / 1024.0, what)
        .stripTrailing();
  }

  private static double mean(List<Step> steps) {
    return steps.stream().mapToDouble(Step::loss).average().orElse(Double.NaN);
  }

  private static String seconds(Duration duration) {
    return String.format(Locale.ROOT, "%.1f s", duration.toMillis() / 1000.0);
  }

  private static void line(StringBuilder text, String format, Object... values) {
    text.append(String.format(Locale.ROOT, format, values)).append(System.lineSeparator());
  }
}
