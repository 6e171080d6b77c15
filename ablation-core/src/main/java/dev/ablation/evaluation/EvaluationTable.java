package dev.ablation.evaluation;

import dev.ablation.metric.ConfidenceInterval;
import dev.ablation.metric.MetricResult;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Formats a result as a text table, one line for each metric of each subject. Attacks add columns
 * for a control, if there is one.
 */
final class EvaluationTable {
  private static final List<String> HEADER =
      List.of("role", "subject", "images", "metric", "base", "ablated", "interval");
  private static final List<String> OF_CONTROL = List.of("control", "excess", "interval");
  private static final String NOTE = "note";
  private static final String NO_EVIDENCE = "no evidence";

  /** The columns of numbers, which are set to the right. */
  private static final Set<Integer> NUMBERS = Set.of(2, 4, 5, 7, 8);

  private final List<List<String>> rows = new ArrayList<>();
  private final boolean controlled;
  private final boolean noted;

  private EvaluationTable(EvaluationResult result) {
    List<AttackResult> all = result.attacks();
    controlled =
        all.stream()
            .flatMap(attack -> attack.judged().stream())
            .anyMatch(each -> each.control() != null);
    noted = all.stream().anyMatch(attack -> !attack.judged().stream().allMatch(attack::isEvidence));
  }

  static String of(EvaluationResult result) {
    EvaluationTable table = new EvaluationTable(result);
    table.header();
    for (SubjectResult each : result.subjects()) {
      Subject subject = each.subject();
      for (Comparison metric : each.metrics()) {
        table.add(
            subject.role().name().toLowerCase(Locale.ROOT).replace('_', ' '),
            subject.name(),
            Integer.toString(subject.images()),
            metric,
            null,
            true);
      }
    }
    for (AttackResult attack : result.attacks()) {
      for (Recovery recovery : attack.judged()) {
        Integer images = recovery.ablated().counts().get("images");
        table.add(
            attack.family(),
            attack.name(),
            images == null ? "" : images.toString(),
            new Comparison(recovery.base(), recovery.ablated()),
            recovery,
            attack.isEvidence(recovery));
      }
    }
    StringBuilder leftOut = new StringBuilder();
    result
        .attacksLeftOut()
        .forEach((attack, reason) ->
            leftOut.append("not attacked by %s: %s%n".formatted(attack, reason)));
    return table.text()
        + leftOut
        + result.score().map(score -> "score " + score + System.lineSeparator()).orElse("");
  }

  private void header() {
    List<String> names = new ArrayList<>(HEADER);
    if (controlled) {
      names.addAll(OF_CONTROL);
    }
    if (noted) {
      names.add(NOTE);
    }
    rows.add(names);
  }

  private void add(
      String role,
      String subject,
      String images,
      Comparison comparison,
      @Nullable Recovery recovery,
      boolean evidence) {
    List<String> row =
        new ArrayList<>(
            List.of(
                role,
                subject,
                images,
                comparison.metric(),
                number(comparison.base()),
                number(comparison.ablated()),
                interval(comparison.ablated().interval())));
    if (controlled) {
      Recovery.Excess excess = recovery == null ? null : recovery.excess();
      row.add(number(recovery == null ? null : recovery.control()));
      row.add(excess == null ? "" : number(excess.value()));
      row.add(interval(excess == null ? null : excess.interval()));
    }
    if (noted) {
      row.add(evidence ? "" : NO_EVIDENCE);
    }
    rows.add(row);
  }

  private static String interval(@Nullable ConfidenceInterval interval) {
    return interval == null
        ? ""
        : "%s..%s".formatted(number(interval.low()), number(interval.high()));
  }

  private static String number(@Nullable MetricResult metric) {
    return metric == null ? "" : number(metric.value());
  }

  private static String number(double value) {
    return String.format(Locale.ROOT, "%.4f", value);
  }

  private String text() {
    StringBuilder text = new StringBuilder();
    for (List<String> row : rows) {
      StringBuilder line = new StringBuilder();
      for (int column = 0; column < row.size(); column++) {
        String cell = row.get(column);
        boolean number = NUMBERS.contains(column) && (controlled || column < HEADER.size());
        String space = " ".repeat(width(column) - cell.length());
        line.append(column == 0 ? "" : "  ").append(number ? space + cell : cell + space);
      }
      text.append(line.toString().stripTrailing()).append(System.lineSeparator());
    }
    return text.toString();
  }

  private int width(int column) {
    return rows.stream().mapToInt(row -> row.get(column).length()).max().orElse(0);
  }
}
