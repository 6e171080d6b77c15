package dev.ablation.evaluation;

import dev.ablation.metric.ConfidenceInterval;
import dev.ablation.metric.MetricResult;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Formats a result as a text table, one line for each metric of each subject. */
final class EvaluationTable {
  private static final List<String> HEADER =
      List.of("role", "subject", "images", "metric", "base", "ablated", "interval");

  private EvaluationTable() {}

  static String of(EvaluationResult result) {
    List<List<String>> rows = new ArrayList<>();
    rows.add(HEADER);
    for (SubjectResult each : result.subjects()) {
      Subject subject = each.subject();
      for (Comparison metric : each.metrics()) {
        rows.add(
            row(
                subject.role().name().toLowerCase(Locale.ROOT).replace('_', ' '),
                subject.name(),
                Integer.toString(subject.images()),
                metric));
      }
    }
    for (AttackResult attack : result.attacks()) {
      Integer images = attack.recovered().ablated().counts().get("images");
      rows.add(
          row(
              attack.family(),
              attack.name(),
              images == null ? "" : images.toString(),
              attack.recovered()));
    }
    return text(rows)
        + result.score().map(score -> "score " + score + System.lineSeparator()).orElse("");
  }

  private static List<String> row(
      String role, String subject, String images, Comparison comparison) {
    MetricResult base = comparison.base();
    return List.of(
        role,
        subject,
        images,
        comparison.metric(),
        base == null ? "" : number(base.value()),
        number(comparison.ablated().value()),
        interval(comparison.ablated()));
  }

  private static String interval(MetricResult metric) {
    ConfidenceInterval interval = metric.interval();
    return interval == null
        ? ""
        : "%s..%s".formatted(number(interval.low()), number(interval.high()));
  }

  private static String number(double value) {
    return String.format(Locale.ROOT, "%.4f", value);
  }

  private static String text(List<List<String>> rows) {
    StringBuilder text = new StringBuilder();
    for (List<String> row : rows) {
      StringBuilder line = new StringBuilder();
      for (int column = 0; column < row.size(); column++) {
        int width = width(rows, column);
        String cell = row.get(column);
        boolean number = column == 2 || column == 4 || column == 5;
        String space = " ".repeat(width - cell.length());
        line.append(column == 0 ? "" : "  ").append(number ? space + cell : cell + space);
      }
      text.append(line.toString().stripTrailing()).append(System.lineSeparator());
    }
    return text.toString();
  }

  private static int width(List<List<String>> rows, int column) {
    return rows.stream().mapToInt(row -> row.get(column).length()).max().orElse(0);
  }
}
