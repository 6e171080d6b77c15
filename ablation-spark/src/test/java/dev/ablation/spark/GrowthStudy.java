package dev.ablation.spark;

import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.job.AblationJob;
import dev.ablation.job.JobRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.spark.sql.SparkSession;

/**
 * Measures how a list grows with executors, each a JVM of one core: the number of executors, the
 * number of concepts, and a folder are the arguments. {@code SPARK_HOME} names a Spark.
 */
final class GrowthStudy {
  private GrowthStudy() {}

  public static void main(String[] arguments) throws IOException {
    int executors = Integer.parseInt(arguments[0]);
    int concepts = Integer.parseInt(arguments[1]);
    Path folder = Files.createDirectories(Path.of(arguments[2]));
    List<AblationJob> jobs =
        EmbeddedModel.concepts().stream()
            .map(concept -> job(concept.name()))
            .limit(concepts)
            .toList();
    try (SparkSession spark =
        SparkSession.builder()
            .master("local-cluster[%d,1,1024]".formatted(executors))
            .config("spark.ui.enabled", false)
            .config("spark.driver.host", "localhost")
            .config("spark.executor.memory", "1g")
            .config("spark.executor.extraClassPath", System.getProperty("java.class.path"))
            .config("spark.executor.extraJavaOptions", "-Dai.djl.offline=true")
            .getOrCreate()) {
      // Executors open their model and compile first.
      List<AblationJob> warm =
          IntStream.range(0, 2 * executors).mapToObj(i -> job("owl").seed(100 + i)).toList();
      SparkAblation.in(spark, folder.resolve("warm")).merge(false).run(warm);
      long start = System.nanoTime();
      SparkAblationResult result =
          SparkAblation.in(spark, folder.resolve("list")).merge(false).run(jobs);
      System.out.printf(
          "%d executors, %d concepts, %d failed: %.1f s%n",
          executors, jobs.size(), result.failed().size(), (System.nanoTime() - start) / 1e9);
    }
  }

  private static AblationJob job(String target) {
    String text =
        """
        {"targets": [{"name": "%s"}], "method": {"closedForm": "uce"},
         "evaluation": {"evaluator": "pixels", "sampling": {"steps": 4, "batchSize": 4},
          "images": {"target": 4, "anchor": 4, "neighbour": 4}}}
        """
            .formatted(target);
    return AblationJob.parse(text, "job", Path.of("").toAbsolutePath(), JobRoot.anywhere());
  }
}
