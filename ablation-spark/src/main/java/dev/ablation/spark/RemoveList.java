package dev.ablation.spark;

import dev.ablation.job.AblationJob;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.apache.spark.sql.SparkSession;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A program for {@code spark-submit}: removes everything on a list. */
public final class RemoveList {
  private static final Logger LOG = LoggerFactory.getLogger(RemoveList.class);
  private static final int ARGUMENTS = 3;

  private RemoveList() {}

  /**
   * Runs the jobs of a list.
   *
   * @param arguments the job file that is the template, the list as {@link TakedownList} reads it,
   *     and the folder of the results
   * @throws IOException if a file cannot be read or written
   * @throws IllegalArgumentException if an argument is wrong
   * @throws IllegalStateException at the end, if a job failed or its result does not meet its
   *     limits
   */
  public static void main(String[] arguments) throws IOException {
    if (arguments.length != ARGUMENTS) {
      throw new IllegalArgumentException(
          "arguments must be TEMPLATE.json LIST.csv FOLDER, were " + List.of(arguments));
    }
    AblationJob template = AblationJob.read(Path.of(arguments[0]));
    try (SparkSession spark = SparkSession.builder().appName("Ablation").getOrCreate()) {
      List<AblationJob> jobs = TakedownList.read(spark, arguments[1], template);
      SparkAblationResult result =
          SparkAblation.in(spark, Path.of(arguments[2]))
              .listener(progress ->
                  LOG.info("{}: {} of {}", progress.step(), progress.done(), progress.total()))
              .run(jobs);
      result.problems().forEach(problem -> LOG.warn("{}", problem));
      LOG.info("The results are in {}", result.summary());
      if (!result.accepted()) {
        throw new IllegalStateException(
            "%d of %d jobs have no result or do not meet their limits; see %s"
                .formatted(
                    result.concepts().stream().filter(each -> !each.accepted()).count(),
                    jobs.size(),
                    result.csv()));
      }
    }
  }
}
