package dev.ablation.spark;

import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.AtomicFiles.Existing;
import dev.ablation.job.AblationJob;
import dev.ablation.job.AcceptanceLimit;
import dev.ablation.job.JobTarget;
import dev.ablation.spark.ConceptResult.Score;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;

/** The table of results: a row for each job. */
final class Rows {
  /** Measures with their interval, alone. */
  private static final List<String> ALONE =
      List.of(
          AcceptanceLimit.UNLEARNING,
          AcceptanceLimit.IN_DOMAIN,
          AcceptanceLimit.CROSS_DOMAIN,
          AcceptanceLimit.RECOVERED);

  /** Measures with all deltas applied together. */
  private static final List<String> TOGETHER =
      List.of(AcceptanceLimit.UNLEARNING, AcceptanceLimit.IN_DOMAIN, AcceptanceLimit.CROSS_DOMAIN);

  private final List<StructField> fields = new ArrayList<>();
  private final List<@Nullable Object> values = new ArrayList<>();

  private Rows() {}

  static ConceptResult.Identity identity(AblationJob job, String hash, Path evidence) {
    return new ConceptResult.Identity(
        hash,
        job.request().orElse(null),
        job.targets().stream().map(JobTarget::name).toList(),
        job.model().location(),
        evidence.toString());
  }

  private static Rows of(ConceptResult result) {
    Rows row = new Rows();
    ConceptResult.Identity concept = result.concept();
    row.text("job", concept.job());
    row.text("request", concept.request());
    row.text("targets", String.join("; ", concept.targets()));
    row.text("model", concept.model());
    row.add("accepted", DataTypes.BooleanType, result.accepted());
    row.text("error", result.error());
    row.text("verdicts", String.join("; ", result.judgement().verdicts()));
    for (String measure : ALONE) {
      row.score(measure, result.judgement().scores());
    }
    for (String measure : TOGETHER) {
      Score score = result.judgement().together().get(measure);
      row.add(measure + "_together", DataTypes.DoubleType, score == null ? null : score.value());
    }
    row.text("interference", String.join("; ", result.judgement().interference()));
    ConceptResult.Cost cost = result.cost();
    row.add("train_seconds", DataTypes.DoubleType, cost.trainSeconds());
    row.add("evaluation_seconds", DataTypes.DoubleType, cost.evaluationSeconds());
    row.add("memory_bytes", DataTypes.LongType, cost.memory() < 0 ? null : cost.memory());
    row.add("resumed_at_step", DataTypes.IntegerType, cost.resumedAt());
    row.text("executor", cost.executor());
    row.text("base_sha256", result.hashes().base());
    row.text("delta_sha256", result.hashes().delta());
    row.text("library", result.hashes().library());
    row.text("evidence", concept.evidence());
    return row;
  }

  private void text(String name, @Nullable String value) {
    add(name, DataTypes.StringType, value);
  }

  private void score(String measure, Map<String, Score> scores) {
    Score score = scores.get(measure);
    add(measure, DataTypes.DoubleType, score == null ? null : score.value());
    add(measure + "_low", DataTypes.DoubleType, score == null ? null : score.low());
    add(measure + "_high", DataTypes.DoubleType, score == null ? null : score.high());
  }

  private void add(String name, DataType type, @Nullable Object value) {
    fields.add(DataTypes.createStructField(name, type, true));
    values.add(value);
  }

  static Dataset<Row> table(SparkSession spark, List<ConceptResult> results) {
    StructType schema = DataTypes.createStructType(of(results.get(0)).fields);
    return spark.createDataFrame(
        results.stream().map(each -> RowFactory.create(of(each).values.toArray())).toList(),
        schema);
  }

  /** Writes the table as RFC 4180 has it, with a point in numbers. */
  static void csv(List<ConceptResult> results, Path file) throws IOException {
    StringBuilder text = new StringBuilder();
    text.append(line(of(results.get(0)).fields.stream().map(StructField::name).toList()));
    for (ConceptResult result : results) {
      text.append(line(of(result).values));
    }
    AtomicFiles.writeString(file, Existing.REPLACE, text.toString());
  }

  private static String line(List<? extends @Nullable Object> values) {
    return values.stream().map(Rows::cell).collect(Collectors.joining(",", "", "\r\n"));
  }

  private static String cell(@Nullable Object value) {
    if (value == null) {
      return "";
    }
    if (value instanceof Double number) {
      return String.format(Locale.ROOT, "%.6g", number);
    }
    String text = value.toString();
    // A program that opens the file must not take a name for a formula.
    String safe = text.matches("(?s)[=+\\-@\\t\\r].*") ? "'" + text : text;
    return safe.matches("(?s).*[\",\\r\\n].*") || !safe.equals(text)
        ? "\"" + safe.replace("\"", "\"\"") + "\""
        : safe;
  }
}
