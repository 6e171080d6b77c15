package dev.ablation.cli;

import dev.ablation.emoji.AblationJob;
import dev.ablation.emoji.ImageGrid.Role;
import dev.ablation.evaluation.AttackResult;
import dev.ablation.train.TrainingResult.Step;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.stream.Stream;

/**
 * What a run did, in numbers.
 *
 * @param job what was asked
 * @param model name of the model
 * @param comparison images before and after
 * @param attempts to bring the targets back
 * @param history loss of every step
 * @param anchors time that the anchor images took
 * @param training time that the training took
 * @param total time of everything, the drawn comparison included
 * @param peakMemory of the process in bytes, if the system tells
 * @param folder with the files
 */
record Summary(
    AblationJob job,
    String model,
    Comparison comparison,
    List<AttackResult> attempts,
    List<Step> history,
    Duration anchors,
    Duration training,
    Duration total,
    OptionalLong peakMemory,
    Path folder) {
  String text() throws IOException {
    // Single steps jump, since each draws its own noise levels.
    int quarter = (history.size() + 3) / 4;
    StringBuilder text = new StringBuilder();
    line(text, "Removed the %s from the model '%s'.", job.targets(), model);
    line(text, "");
    line(text, "  drawn instead     %s", job.anchors());
    line(text, "  anchor images   %d in %s", job.images(), seconds(anchors));
    line(
        text,
        "  training steps    %d in %s, mean loss %.4f in the first quarter, %.4f in the last",
        history.size(),
        seconds(training),
        mean(history.subList(0, quarter)),
        mean(history.subList(history.size() - quarter, history.size())));
    line(
        text,
        "  images          %d in %s",
        comparison.before().size() + comparison.after().size(),
        seconds(total.minus(anchors).minus(training).minus(attempted())));
    for (AttackResult attempt : attempts) {
      line(
          text,
          "  %-17s the target in %.0f %% of the images, before in %.0f %%",
          attempt.name(),
          100 * attempt.recovered().ablated().value(),
          100 * Objects.requireNonNull(attempt.recovered().base()).value());
    }
    line(text, "  everything        %s, peak memory %s", seconds(total), memory());
    line(text, "");
    line(text, "How much the images changed (mean squared change of pixels from 0 to 1):");
    line(text, "");
    change(text, "target", Role.TARGET);
    change(text, "anchor", Role.ANCHOR);
    change(text, "neighbours", Role.NEIGHBOUR);
    OptionalDouble ratio = comparison.ratio();
    if (ratio.isPresent()) {
      line(text, "  ratio             %.1f times more on the target", ratio.getAsDouble());
    } else {
      line(text, "  No neighbours were named, so nothing shows whether the rest stayed as it was.");
    }
    line(text, "");
    line(text, "Files in %s:", folder);
    line(text, "");
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.sorted(Comparator.comparing(Path::getFileName)).toList()) {
        line(text, "  %-20s %s", file.getFileName(), describe(file));
      }
    }
    return text.toString();
  }

  private Duration attempted() {
    return attempts.stream().map(AttackResult::elapsed).reduce(Duration.ZERO, Duration::plus);
  }

  private void change(StringBuilder text, String name, Role role) {
    comparison
        .meanSquaredChange(role)
        .ifPresent(change -> line(text, "  %-17s %.5f", name, change));
  }

  private String memory() {
    return peakMemory.isPresent()
        ? String.format(Locale.ROOT, "%.2f GiB", peakMemory.getAsLong() / (double) (1L << 30))
        : "unknown on this system";
  }

  private static String describe(Path file) throws IOException {
    String what =
        switch (file.getFileName().toString()) {
          case JobRun.SHEET -> "the same prompts and seeds, base model and ablated";
          case JobRun.LOSS_IMAGE -> "the loss curve";
          case JobRun.LOSS_TABLE -> "its numbers";
          case JobRun.REPORT -> "everything on one page, to be looked at in a browser";
          case JobRun.DELTA -> "what was learned: the change of the weights";
          default -> "";
        };
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
