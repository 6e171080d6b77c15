package dev.ablation.spark;

import dev.ablation.concept.ConceptKind;
import dev.ablation.job.AblationJob;
import dev.ablation.job.JobAnchor;
import dev.ablation.job.JobTarget;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.jspecify.annotations.Nullable;

/**
 * A list of what is to be removed, as CSV with a header. Its columns:
 *
 * <ul>
 *   <li>{@code name} (required): the target;
 *   <li>{@code request}: the identifier of the request;
 *   <li>{@code kind}: as in a job file; default: the template's;
 *   <li>{@code anchor}: the name of what is drawn instead; default: the template's anchor;
 *   <li>{@code model}: where the model is, as in a job file; default: the template's;
 *   <li>{@code group}: rows with the same text become one job with several targets.
 * </ul>
 */
public final class TakedownList {
  private static final List<String> COLUMNS =
      List.of("name", "request", "kind", "anchor", "model", "group");

  private final AblationJob template;
  private final String source;
  private final List<String> problems = new ArrayList<>();

  private TakedownList(AblationJob template, String source) {
    this.template = template;
    this.source = source;
  }

  /** A row that was read. */
  private record Entry(
      JobTarget target, @Nullable String request, @Nullable String model, String group) {}

  /**
   * Reads a list.
   *
   * @param spark any session
   * @param source where the list is, as Spark names files
   * @param template method, evaluation and limits of every job. Its first target says which kind a
   *     target has and what is drawn instead, where the list does not
   * @return a job for each row, or for each group of rows, in their order
   * @throws IllegalArgumentException with all problems of the list
   */
  public static List<AblationJob> read(SparkSession spark, String source, AblationJob template) {
    return new TakedownList(template, source).read(spark);
  }

  private List<AblationJob> read(SparkSession spark) {
    Dataset<Row> table =
        spark
            .read()
            .option("header", true)
            .option("multiLine", true)
            .option("escape", "\"")
            .option("ignoreLeadingWhiteSpace", true)
            .option("ignoreTrailingWhiteSpace", true)
            .csv(source);
    List<String> columns = List.of(table.columns());
    for (String column : columns) {
      if (!COLUMNS.contains(column)) {
        problems.add("column '%s' is not known; known are %s".formatted(column, COLUMNS));
      }
    }
    if (!columns.contains("name")) {
      problems.add("column 'name' is missing");
    }
    throwProblems();
    Map<String, List<Entry>> groups = new LinkedHashMap<>();
    int number = 1;
    for (Row row : table.collectAsList()) {
      number++;
      Entry entry = entry(row, columns, number);
      if (entry != null) {
        groups.computeIfAbsent(entry.group(), group -> new ArrayList<>()).add(entry);
      }
    }
    if (groups.isEmpty()) {
      problems.add("the list must have at least one row");
    }
    throwProblems();
    List<AblationJob> jobs = groups.values().stream().map(this::job).toList();
    throwProblems();
    return jobs;
  }

  private void throwProblems() {
    if (!problems.isEmpty()) {
      throw new IllegalArgumentException(source + ": " + String.join("; ", problems));
    }
  }

  private @Nullable Entry entry(Row row, List<String> columns, int number) {
    String name = cell(row, columns, "name");
    if (name == null) {
      problems.add("row %d: name must not be blank".formatted(number));
      return null;
    }
    JobTarget like = template.targets().get(0);
    ConceptKind kind = like.kind();
    String kindName = cell(row, columns, "kind");
    if (kindName != null) {
      Optional<ConceptKind> found =
          Arrays.stream(ConceptKind.values())
              .filter(each -> nameOf(each).equals(kindName))
              .findFirst();
      if (found.isEmpty()) {
        problems.add(
            "row %d: kind must be one of %s, was '%s'"
                .formatted(
                    number,
                    Arrays.stream(ConceptKind.values()).map(TakedownList::nameOf).toList(),
                    kindName));
      }
      kind = found.orElse(kind);
    }
    JobAnchor anchor = like.anchor();
    String anchorName = cell(row, columns, "anchor");
    if (anchorName != null) {
      anchor =
          anchor == null
              ? JobAnchor.generated(anchorName)
              : new JobAnchor(
                  anchor.kind(), anchorName, List.of(), null, anchor.styles(), anchor.images());
    }
    String group = cell(row, columns, "group");
    return new Entry(
        new JobTarget(kind, name, List.of(), null, List.of(), anchor),
        cell(row, columns, "request"),
        cell(row, columns, "model"),
        group == null ? "row " + number : "group " + group);
  }

  private static String nameOf(ConceptKind kind) {
    return kind.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  private static @Nullable String cell(Row row, List<String> columns, String column) {
    int index = columns.indexOf(column);
    String text = index < 0 || row.isNullAt(index) ? null : row.getString(index);
    return text == null || text.isBlank() ? null : text.strip();
  }

  private AblationJob job(List<Entry> entries) {
    AblationJob job = template.targets(entries.stream().map(Entry::target).toList());
    List<String> requests = distinct(entries, Entry::request);
    if (!requests.isEmpty()) {
      job = job.request(String.join(", ", requests));
    }
    List<String> models = distinct(entries, Entry::model);
    if (models.size() > 1) {
      problems.add(
          "%s: rows of one group must have one model, have %s"
              .formatted(entries.get(0).group(), models));
    }
    for (String location : models) {
      job = job.model(template.model().movedTo(location));
    }
    return job;
  }

  private static List<String> distinct(
      List<Entry> entries, Function<Entry, @Nullable String> value) {
    List<String> found = new ArrayList<>();
    for (Entry entry : entries) {
      String text = value.apply(entry);
      if (text != null && !found.contains(text)) {
        found.add(text);
      }
    }
    return found;
  }
}
