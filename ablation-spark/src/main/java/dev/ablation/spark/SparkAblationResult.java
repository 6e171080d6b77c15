package dev.ablation.spark;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/**
 * What came of a list of jobs.
 *
 * @param folder that holds everything: {@code table.csv}, {@code table.parquet}, {@code
 *     summary.html}, {@code jobs}, {@code merged}
 * @param concepts a result for each job, in the order of the list
 * @param merged file of the delta of all jobs, by hash of the base model's weights; empty if the
 *     deltas were not merged
 * @param problems what went wrong beside the jobs, such as deltas that cannot be added
 */
public record SparkAblationResult(
    Path folder, List<ConceptResult> concepts, Map<String, Path> merged, List<String> problems) {
  static final String CSV = "table.csv";
  static final String PARQUET = "table.parquet";
  static final String SUMMARY = "summary.html";

  /** Copies the collections. */
  public SparkAblationResult {
    Objects.requireNonNull(folder, "folder");
    concepts = List.copyOf(concepts);
    merged = Map.copyOf(merged);
    problems = List.copyOf(problems);
  }

  /** {@return whether every job has a result that meets its limits} */
  public boolean accepted() {
    return concepts.stream().allMatch(ConceptResult::accepted);
  }

  /** {@return the jobs that have no result} */
  public List<ConceptResult> failed() {
    return concepts.stream().filter(each -> each.error() != null).toList();
  }

  /** {@return the page with all concepts and pictures of the worst} */
  public Path summary() {
    return folder.resolve(SUMMARY);
  }

  /** {@return the table of results as CSV} */
  public Path csv() {
    return folder.resolve(CSV);
  }

  /**
   * Reads the table of results.
   *
   * @param spark any session
   * @return a row for each job
   */
  public Dataset<Row> table(SparkSession spark) {
    return spark.read().parquet(folder.resolve(PARQUET).toUri().toString());
  }
}
