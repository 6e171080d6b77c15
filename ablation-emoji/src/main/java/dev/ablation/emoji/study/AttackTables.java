package dev.ablation.emoji.study;

import dev.ablation.emoji.study.AttackRun.ByModel;
import dev.ablation.emoji.study.AttackRun.Kept;
import dev.ablation.emoji.study.AttackRun.Shares;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalDouble;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;

/**
 * All runs of a study of attacks as Markdown: a row for each target and method, and of every target
 * a table with a row for each attack. A cell has both judges, the embedded evaluator first.
 */
final class AttackTables {
  /** Percentage points by which judges must differ to be named. */
  private static final double DISAGREEMENT = 10;

  private final List<AttackRun> runs;
  private final List<String> labels;

  AttackTables(List<AttackRun> runs) {
    this.runs = List.copyOf(runs);
    labels =
        runs.stream()
            .flatMap(run -> List.of(run.attacks(), run.failures()).stream())
            .flatMap(attacks -> attacks.keySet().stream())
            .filter(label -> !label.equals(AttackRun.REMOVAL))
            .distinct()
            .toList();
  }

  /** The runs of a method on a target, with all seeds. */
  private record Row(String target, String method, List<AttackRun> runs) {
    boolean isRemoval() {
      return !method.equals(AttackRun.BASE) && !method.equals(AttackRun.CONTROL);
    }

    List<Kept> kept() {
      return runs.stream().map(AttackRun::kept).filter(Objects::nonNull).toList();
    }

    List<Shares> shares(String label) {
      List<Shares> found = new ArrayList<>();
      for (AttackRun run : runs) {
        Shares shares = run.attacks().get(label);
        if (shares != null) {
          found.add(shares);
        }
      }
      return found;
    }

    boolean failed(String label) {
      return runs.stream().anyMatch(run -> run.failures().containsKey(label));
    }
  }

  /** The rows of a target: the control first, then the base model, then the removals. */
  private List<Row> rows(String target) {
    Map<String, List<AttackRun>> byMethod = new LinkedHashMap<>();
    byMethod.put(AttackRun.CONTROL, new ArrayList<>());
    byMethod.put(AttackRun.BASE, new ArrayList<>());
    for (AttackRun run : runs) {
      if (run.target().equals(target)) {
        byMethod.computeIfAbsent(run.method(), method -> new ArrayList<>()).add(run);
      }
    }
    return byMethod.entrySet().stream()
        .filter(entry -> !entry.getValue().isEmpty())
        .map(entry -> new Row(target, entry.getKey(), entry.getValue()))
        .toList();
  }

  String markdown() {
    StringBuilder text = new StringBuilder();
    text.append(
        """
        Each cell: by the embedded evaluator / by the nearest image of the data, in percent of the images; of several
        seeds the mean and its 95 %% interval (Student's t, at least as wide as Wilson's of all images together). UA, IRA and
        CRA are shares of what the base model draws right. Base model and control are attacked with the first seed.
        Memory is that of the process at the peak of the removal, and how much of it the removal took.
        *: no evidence, since by one judge the attack draws the target in less than 80 %% of the base model's images.

        """
            .formatted());
    List<String> targets = runs.stream().map(AttackRun::target).distinct().toList();
    text.append("| target | method | seeds | UA | IRA | CRA |");
    labels.forEach(label -> text.append(' ').append(label).append(" |"));
    text.append(" removal | peak memory | more by |\n| --- | --- | ---: | ---: | ---: | ---: |");
    text.append(" ---: |".repeat(labels.size() + 3)).append('\n');
    for (String target : targets) {
      List<Row> rows = rows(target);
      rows.forEach(row -> append(text, row, rows));
    }
    targets.forEach(target -> append(text, target));
    List<String> failures = failures();
    if (!failures.isEmpty()) {
      text.append("\nFailed:\n\n").append(String.join("\n", failures)).append('\n');
    }
    return text.toString();
  }

  private void append(StringBuilder text, Row row, List<Row> rows) {
    text.append("| %s | %s | %d |".formatted(row.target(), row.method(), row.runs().size()));
    cell(text, kept(row, Scores::unlearning));
    cell(text, kept(row, Scores::inDomain));
    cell(text, kept(row, Scores::crossDomain));
    for (String label : labels) {
      cell(text, row.isRemoval() ? ablated(row, label) : model(row.method(), label, rows));
    }
    List<Kept> kept = row.isRemoval() ? row.kept() : List.of();
    cell(
        text,
        kept.isEmpty() ? "-" : String.format(Locale.ROOT, "%.0f s", mean(kept, Kept::seconds)));
    cell(text, megabytes(kept, Kept::peak));
    cell(text, megabytes(kept, Kept::memory));
    text.append('\n');
  }

  private static void cell(StringBuilder text, String value) {
    text.append(' ').append(value).append(" |");
  }

  /** Of the seeds of which it was recorded. */
  private static String megabytes(List<Kept> kept, ToLongFunction<Kept> bytes) {
    OptionalDouble mean = kept.stream().mapToLong(bytes).filter(each -> each > 0).average();
    return mean.isPresent() ? String.format(Locale.ROOT, "%.0f MB", mean.getAsDouble() / 1e6) : "-";
  }

  private static double mean(List<Kept> kept, ToDoubleFunction<Kept> value) {
    return kept.stream().mapToDouble(value).average().orElse(0);
  }

  private void append(StringBuilder text, String target) {
    List<Row> rows = rows(target);
    List<Row> removals = rows.stream().filter(Row::isRemoval).toList();
    List<String> made =
        labels.stream()
            .filter(label ->
                removals.stream()
                    .anyMatch(row -> row.failed(label) || !row.shares(label).isEmpty()))
            .toList();
    if (made.isEmpty()) {
      return;
    }
    text.append("\n### ").append(target).append("\n\n| attack | base model | control |");
    removals.forEach(row -> text.append(" %s | excess |".formatted(row.method())));
    text.append("\n| --- | ---: | ---: |");
    text.append(" ---: | ---: |".repeat(removals.size())).append('\n');
    List<String> disagreements = new ArrayList<>();
    for (String label : made) {
      text.append("| ").append(label).append(" |");
      cell(text, model(AttackRun.BASE, label, rows));
      cell(text, model(AttackRun.CONTROL, label, rows));
      for (Row row : removals) {
        cell(text, ablated(row, label));
        cell(text, excess(row, label));
        double apart =
            100
                * Math.abs(
                    share(row, label, Shares::evaluator).mean()
                        - share(row, label, Shares::nearest).mean());
        if (apart > DISAGREEMENT) {
          disagreements.add(
              String.format(Locale.ROOT, "%s, %s (%.0f points)", label, row.method(), apart));
        }
      }
      text.append('\n');
    }
    if (!disagreements.isEmpty()) {
      text.append("\nThe judges differ by more than %.0f points: ".formatted(DISAGREEMENT))
          .append(String.join("; ", disagreements))
          .append(".\n");
    }
  }

  private List<String> failures() {
    List<String> lines = new ArrayList<>();
    for (AttackRun run : runs) {
      run.failures()
          .forEach((label, reason) ->
              lines.add(
                  "- %s, %s, seed %d, %s: %s"
                      .formatted(run.target(), run.method(), run.seed(), label, reason)));
    }
    return lines;
  }

  private static String kept(Row row, ToDoubleFunction<Scores> score) {
    List<Kept> kept = row.kept();
    return kept.isEmpty()
        ? row.failed(AttackRun.REMOVAL) ? "failed" : "-"
        : both(
            Interval.of(
                kept.stream().mapToDouble(each -> score.applyAsDouble(each.scores())).toArray(), 0),
            Interval.of(
                kept.stream().mapToDouble(each -> score.applyAsDouble(each.nearest())).toArray(),
                0));
  }

  private static Interval share(Row row, String label, Function<Shares, ByModel> judge) {
    List<Shares> shares = row.shares(label);
    return Interval.of(
        shares.stream().map(judge).mapToDouble(ByModel::ablated).toArray(),
        shares.stream().mapToInt(Shares::images).sum());
  }

  private static String ablated(Row row, String label) {
    List<Shares> shares = row.shares(label);
    if (shares.isEmpty()) {
      return row.failed(label) ? "failed" : "-";
    }
    return both(share(row, label, Shares::evaluator), share(row, label, Shares::nearest))
        + (shares.get(0).isEvidence() ? "" : " *");
  }

  /** Base model or control: every run of the target has the same shares. */
  private static String model(String method, String label, List<Row> rows) {
    Function<ByModel, @Nullable Double> which =
        method.equals(AttackRun.BASE) ? ByModel::base : ByModel::control;
    for (Row row : rows) {
      for (Shares shares : row.shares(label)) {
        Double evaluator = which.apply(shares.evaluator());
        Double nearest = which.apply(shares.nearest());
        if (evaluator != null && nearest != null) {
          return both(
              Interval.of(new double[] {evaluator}, 0), Interval.of(new double[] {nearest}, 0));
        }
      }
    }
    return "-";
  }

  private static String excess(Row row, String label) {
    String evaluator = excess(row.shares(label), Shares::evaluator);
    String nearest = excess(row.shares(label), Shares::nearest);
    return evaluator.isEmpty() || nearest.isEmpty() ? "-" : evaluator + " / " + nearest;
  }

  private static String excess(List<Shares> shares, Function<Shares, ByModel> judge) {
    double sum = 0;
    for (Shares each : shares) {
      ByModel found = judge.apply(each);
      Double control = found.control();
      if (control == null) {
        return "";
      }
      sum += found.ablated() - control;
    }
    return shares.isEmpty() ? "" : String.format(Locale.ROOT, "%+.0f", 100 * sum / shares.size());
  }

  private static String both(Interval evaluator, Interval nearest) {
    return evaluator + " / " + nearest;
  }

  /**
   * The mean over seeds.
   *
   * @param mean from 0 to 1
   * @param low lower end of its interval; the mean if there is none
   * @param high upper end
   */
  record Interval(double mean, double low, double high) {
    /** Student's 97.5 % quantiles for 1, 2, ... degrees of freedom. */
    private static final double[] STUDENT = {
      12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262
    };

    private static final double NORMAL = 1.96;

    /**
     * Computes it.
     *
     * @param shares one a seed
     * @param images of all seeds together; 0 for none that are a random sample
     */
    static Interval of(double[] shares, int images) {
      int seeds = shares.length;
      double sum = 0;
      for (double share : shares) {
        sum += share;
      }
      double mean = seeds == 0 ? 0 : sum / seeds;
      double low = mean;
      double high = mean;
      if (seeds > 1) {
        double squares = 0;
        for (double share : shares) {
          squares += (share - mean) * (share - mean);
        }
        double half =
            STUDENT[Math.min(seeds - 1, STUDENT.length) - 1]
                * Math.sqrt(squares / (seeds - 1) / seeds);
        low = mean - half;
        high = mean + half;
      }
      if (images > 0) {
        double z = NORMAL * NORMAL;
        double center = (mean + z / (2 * images)) / (1 + z / images);
        double half =
            NORMAL
                * Math.sqrt(mean * (1 - mean) / images + z / (4.0 * images * images))
                / (1 + z / images);
        low = Math.min(low, center - half);
        high = Math.max(high, center + half);
      }
      return new Interval(mean, Math.max(0, low), Math.min(1, high));
    }

    @Override
    public String toString() {
      String value = String.format(Locale.ROOT, "%.0f", 100 * mean);
      String range = String.format(Locale.ROOT, "%.0f to %.0f", 100 * low, 100 * high);
      return range.equals(value + " to " + value) ? value : value + " (" + range + ")";
    }
  }
}
