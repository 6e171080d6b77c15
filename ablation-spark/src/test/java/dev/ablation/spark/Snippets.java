package dev.ablation.spark;

import dev.ablation.job.AblationJob;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.apache.spark.sql.SparkSession;

/** The examples of the documentation, which compile here. */
final class Snippets {
  private Snippets() {}

  static SparkAblationResult run(SparkSession spark, Path folder) throws IOException {
    // @start region="run"
    AblationJob template = AblationJob.read(Path.of("template.json"));
    List<AblationJob> jobs = TakedownList.read(spark, "takedowns.csv", template);
    SparkAblationResult result =
        SparkAblation.in(spark, folder)
            .listener(progress -> System.out.println(progress.done() + " of " + progress.total()))
            .run(jobs);
    result.table(spark).where("not accepted").show();
    // @end
    return result;
  }
}
