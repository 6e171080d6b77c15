package dev.ablation.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.ablation.job.AblationJob;
import dev.ablation.job.EvidenceBundle;
import dev.ablation.job.JobEvaluation;
import dev.ablation.job.JobModel;
import dev.ablation.job.JobRoot;
import dev.ablation.job.JobRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.apache.spark.resource.ResourceInformation;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Lists of closed forms on the embedded model, in this JVM. */
class SparkAblationTest {
  private static SparkSession spark;

  @TempDir private Path temporary;

  @BeforeAll
  static void start() {
    spark =
        SparkSession.builder()
            .master("local[2]")
            .appName("test")
            .config("spark.ui.enabled", false)
            .config("spark.sql.shuffle.partitions", 2)
            .config("spark.sql.codegen.wholeStage", false) // for tables of four rows
            .config("spark.driver.host", "localhost")
            .getOrCreate();
  }

  @AfterAll
  static void stop() {
    spark.stop();
    ExecutorModels.closeAll();
  }

  /** Batches of two, so that the three images of a subject are two parts. */
  private static AblationJob job(String target, String more) {
    return AblationJob.parse(
        """
        {"targets": [{"name": "%s"}], "method": {"closedForm": "uce"}, "acceptance": ["UA >= 1"],
         "evaluation": {"sampling": {"steps": 1, "batchSize": 2},
          "images": {"target": 3, "anchor": 1, "neighbour": 1, "unrelated": 1, "shown": 2}}%s}
        """
            .formatted(target, more),
        "job",
        Path.of("").toAbsolutePath(),
        JobRoot.anywhere());
  }

  private static AblationJob elsewhere() {
    return AblationJob.parse(
        """
        {"model": "/nowhere", "method": {"closedForm": "uce"}, "evaluation": "none",
         "targets": [{"kind": "style", "name": "Monet", "anchor": "painting"}]}
        """,
        "elsewhere",
        Path.of("").toAbsolutePath(),
        JobRoot.anywhere());
  }

  private static String numbers(Path bundle) throws IOException {
    return EvidenceBundle.open(bundle)
        .evaluation()
        .toJson()
        .replaceAll("\"seconds\": [^,\\n]*", "");
  }

  @Test
  void aListHasTheResultsOfItsJobsAlone() throws IOException {
    Path folder = temporary.resolve("list");
    List<AblationJob> jobs =
        List.of(
            job("owl", ", \"request\": \"TR-1\""),
            job("rocket", ", \"request\": \"=SUM(1)\""),
            job("owl", ", \"limits\": {\"memory\": \"1 MB\"}"),
            elsewhere());
    List<SparkProgress> progress = Collections.synchronizedList(new ArrayList<>());
    SparkAblation ablation = SparkAblation.in(spark, folder).imagesPerTask(2);
    SparkAblationResult result = ablation.listener(progress::add).run(jobs);

    assertThat(result.concepts()).hasSize(4);
    assertThat(result.concepts().get(2).error()).contains("limits.memory");
    assertThat(result.concepts().get(3).error())
        .contains("executor driver on", "cannot open the model '/nowhere'", "under the same path");
    assertThat(result.failed()).hasSize(2);
    assertThat(result.accepted()).isFalse();
    ConceptResult concept = result.concepts().get(0);
    Path alone = temporary.resolve("alone");
    JobRun.of(jobs.get(0), alone).run();
    Path evidence = Path.of(concept.concept().evidence());
    assertThat(evidence.resolve(JobRun.DELTA)).hasSameBinaryContentAs(alone.resolve(JobRun.DELTA));
    assertThat(numbers(evidence)).isEqualTo(numbers(alone));
    assertThat(EvidenceBundle.open(evidence).verify(null)).noneMatch(EvidenceBundle.Check::failed);
    assertThat(concept.judgement().verdicts()).isEqualTo(EvidenceBundle.open(alone).verdicts());

    List<Row> rows = result.table(spark).orderBy("train_seconds").collectAsList();
    assertThat(rows).hasSize(4);
    assertThat(result.table(spark).where("error is null and UA is not null").count()).isEqualTo(2);
    assertThat(
            result.table(spark).where("UA_low <= UA and UA <= UA_high and IRA >= IRA_low").count())
        .isEqualTo(2);
    assertThat(result.csv())
        .content()
        .startsWith("job,request,targets,model,accepted,error,verdicts,UA,UA_low,UA_high")
        .contains("\"'=SUM(1)\"");
    assertThat(Files.readAllLines(result.csv())).hasSizeGreaterThanOrEqualTo(5);
    assertThat(result.summary())
        .content()
        .contains("4 concepts", "data:image/png;base64", "limits.memory");

    assertThat(result.problems()).isEmpty();
    assertThat(result.merged()).hasSize(1);
    assertThat(result.merged().values()).allSatisfy(file -> assertThat(file).isNotEmptyFile());
    assertThat(result.concepts().get(0).judgement().together()).containsKeys("UA", "IRA");
    assertThat(progress)
        .anyMatch(
            each -> each.step().equals("Trains 4 jobs") && each.done() == 4 && each.total() == 4);

    // Started again, everything is found.
    Map<Path, FileTime> written = new TreeMap<>();
    for (ConceptResult each : result.concepts()) {
      Path delta = Path.of(each.concept().evidence()).resolve(JobRun.DELTA);
      if (each.error() == null) {
        written.put(delta, Files.getLastModifiedTime(delta));
      }
    }
    SparkAblationResult again = ablation.run(jobs);
    assertThat(again.concepts().get(0)).isEqualTo(result.concepts().get(0));
    assertThat(again.concepts().get(1)).isEqualTo(result.concepts().get(1));
    for (Map.Entry<Path, FileTime> each : written.entrySet()) {
      assertThat(Files.getLastModifiedTime(each.getKey())).isEqualTo(each.getValue());
    }
  }

  @Test
  void anotherModelUnderTheSameNameIsRefused() throws IOException {
    Path folder = temporary.resolve("pinned");
    AblationJob job =
        job("owl", ", \"seed\": 7")
            .acceptance(List.of())
            .evaluation(JobEvaluation.with(JobEvaluation.NONE));
    Files.createDirectories(folder.resolve("models"));
    SparkAblation ablation = SparkAblation.in(spark, folder).merge(false);
    SparkAblationResult first = ablation.run(List.of(job));
    assertThat(first.accepted()).isTrue();
    assertThat(first.failed()).isEmpty();
    Path pin;
    try (var files = Files.list(folder.resolve("models"))) {
      pin = files.filter(file -> file.toString().endsWith(".json")).findFirst().orElseThrow();
    }
    String other = "f".repeat(64);
    String text = Files.readString(pin);
    Files.writeString(
        pin, text.replace(Objects.requireNonNull(first.concepts().get(0).hashes().base()), other));
    SparkAblationResult second = ablation.run(List.of(job.seed(8)));
    assertThat(second.failed()).hasSize(1);
    assertThat(second.concepts().get(0).error())
        .contains("must be the same everywhere", other, "executor driver on");
  }

  @Test
  void resultsOfAnotherVersionAreRefused() throws IOException {
    Path folder = Files.createDirectories(temporary.resolve("old"));
    Files.writeString(folder.resolve("list.json"), "{\"id\":\"1\",\"library\":\"0.0.1\"}");
    assertThatExceptionOfType(IOException.class)
        .isThrownBy(() -> SparkAblation.in(spark, folder).run(List.of(job("owl", ""))))
        .withMessageContaining("holds results of version 0.0.1 of the library");
    AblationJob contradiction = job("owl", "").evaluation(JobEvaluation.with(JobEvaluation.NONE));
    SparkAblationResult refused =
        SparkAblation.in(spark, temporary.resolve("refused")).run(List.of(contradiction));
    assertThat(refused.concepts().get(0).error()).contains("'UA >= 1' needs an evaluation");
    assertThatIllegalArgumentException()
        .isThrownBy(() ->
            SparkAblation.in(spark, temporary.resolve("twice"))
                .run(List.of(job("owl", ""), job("owl", ""))))
        .withMessageContaining("job 2 of the list");
  }

  @Test
  void theDeviceIsTheOneThatSparkGivesToTheTask() {
    JobModel model = JobModel.at("/models/sdxl");
    Map<String, ResourceInformation> gpu =
        Map.of("gpu", new ResourceInformation("gpu", new String[] {"3", "4"}));
    assertThat(Executors.placed(model, gpu, 8).device()).isEqualTo("gpu3");
    assertThat(Executors.placed(model, Map.of(), 8).device()).isEqualTo("cpu");
    assertThat(Executors.placed(model, Map.of(), 8).threads()).isEqualTo(8);
    assertThat(Executors.placed(JobModel.embedded(), Map.of(), 8).threads()).isNull();
  }

  @Test
  void aListIsReadWithItsTemplate() throws IOException {
    Path list = temporary.resolve("list.csv");
    Files.writeString(
        list,
        """
        request,name,kind,anchor,group
        TR-1,"blueprint",style,ink,
        TR-2,owl,instance,,birds
        TR-3,"penguin",instance,,birds
        """);
    AblationJob template = job("rocket", "");
    List<AblationJob> jobs = TakedownList.read(spark, list.toString(), template);
    assertThat(jobs).hasSize(2);
    assertThat(jobs.get(0).request()).contains("TR-1");
    assertThat(jobs.get(0).targets().get(0).anchor().name()).isEqualTo("ink");
    assertThat(jobs.get(0).method()).isEqualTo(template.method());
    assertThat(jobs.get(1).targets()).hasSize(2);
    assertThat(jobs.get(1).request()).contains("TR-2, TR-3");
    assertThat(jobs.get(1).problems()).isEmpty();

    Files.writeString(list, "nam,kind\nowl,bird\n");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> TakedownList.read(spark, list.toString(), template))
        .withMessageContaining("column 'nam' is not known")
        .withMessageContaining("column 'name' is missing");
    Files.writeString(list, "name,kind\nowl,bird\n");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> TakedownList.read(spark, list.toString(), template))
        .withMessageContaining("row 2: kind must be one of")
        .withMessageContaining("was 'bird'");
  }
}
