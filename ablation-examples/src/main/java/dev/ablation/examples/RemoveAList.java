package dev.ablation.examples;

import dev.ablation.job.AblationJob;
import dev.ablation.job.JobRoot;
import dev.ablation.spark.ConceptResult;
import dev.ablation.spark.SparkAblation;
import dev.ablation.spark.SparkAblationResult;
import dev.ablation.spark.TakedownList;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.apache.spark.sql.SparkSession;

/** Removes everything on a list with Spark, here in one process; spark-submit takes a cluster. */
public final class RemoveAList {
  private static final int IMAGES = Integer.getInteger("example.images", 6);
  private static final int STEPS = Integer.getInteger("example.steps", 16);

  private RemoveAList() {}

  public static void main(String[] args) throws IOException {
    Path folder = Files.createDirectories(Path.of(args.length == 0 ? "out" : args[0]));
    Path list = folder.resolve("takedowns.csv");
    Files.writeString(list, "request,name\nTR-2043,owl\nTR-2044,rocket\n");
    String template =
        """
        {"targets": [{"name": "owl"}], "method": {"closedForm": "sequences"}, "acceptance": ["UA >= 95"],
         "evaluation": {"sampling": %d, "images": {"target": %d, "anchor": 1, "neighbour": 1}}}
        """
            .formatted(STEPS, IMAGES);
    AblationJob job = AblationJob.parse(template, "template", folder, JobRoot.anywhere());
    String master = System.getProperty("spark.master", "local[2]"); // spark-submit sets it
    try (SparkSession spark = SparkSession.builder().master(master).getOrCreate()) {
      List<AblationJob> jobs = TakedownList.read(spark, list.toUri().toString(), job);
      SparkAblationResult result = SparkAblation.in(spark, folder.resolve("takedowns")).run(jobs);
      for (ConceptResult each : result.concepts()) {
        System.out.println(
            each.concept().request() + " " + each.judgement().verdicts() + " together "
                + each.judgement().together());
      }
      System.out.println("All concepts: " + result.summary());
    }
  }
}
