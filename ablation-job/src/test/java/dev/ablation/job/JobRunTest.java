package dev.ablation.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import ai.djl.ndarray.NDManager;
import dev.ablation.Ablation;
import dev.ablation.Estimate;
import dev.ablation.TestFolders;
import dev.ablation.delta.ConceptGate;
import dev.ablation.delta.WeightDelta;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.event.AblationEvent;
import dev.ablation.event.AblationListener;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.WeightGroup;
import dev.ablation.sample.FacilitatedTransport;
import dev.ablation.sample.LatentSampler;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs of jobs on the embedded model, with few steps. */
@Tag("slow")
class JobRunTest {
  @TempDir private Path folder;

  private AblationJob job(String more) {
    return AblationJob.parse(
        """
        {"targets": [{"name": "blueprint", "anchor": {"images": 2}}],
         "method": {"training": {"steps": 4, "batchSize": 2}},
         "outputs": {"checkpointEvery": 1}%s}
        """
            .formatted(more),
        "job",
        folder,
        JobRoot.anywhere());
  }

  private static final String NO_IMAGES = ", \"evaluation\": \"none\"";
  private static final String FEW_IMAGES =
      ", \"evaluation\": {\"sampling\": 1, \"images\": {\"target\": 1, \"anchor\": 1,"
          + " \"neighbour\": 1, \"shown\": 1}}";

  @Test
  void aRunThatWasStoppedContinuesToTheSameDelta() throws IOException {
    Path whole = folder.resolve("whole");
    JobResult result = JobRun.of(job(NO_IMAGES), whole).run();
    assertThat(result.accepted()).isTrue();
    assertThat(result.evaluation()).isEmpty();
    assertThat(whole.resolve(JobRun.WORK)).doesNotExist();

    Path stopped = folder.resolve("stopped");
    AtomicBoolean cancelled = new AtomicBoolean();
    JobRun run = JobRun.of(job(NO_IMAGES), stopped);
    JobStoppedException stop =
        Objects.requireNonNull(
            catchThrowableOfType(
                JobStoppedException.class,
                () ->
                    run.run(
                        event -> {
                          if (event instanceof AblationEvent.StepCompleted step
                              && step.step() == 2) {
                            cancelled.set(true);
                            pause();
                          }
                        },
                        cancelled::get,
                        (found, session) -> {})));
    assertThat(stop.folder()).isEqualTo(stopped);
    assertThat(JobRun.isFinished(stopped)).isFalse();

    assertThatThrownBy(() -> JobRun.of(job(NO_IMAGES).seed(1), stopped))
        .hasMessageContaining("holds an unfinished run of another job");
    AtomicInteger steps = new AtomicInteger();
    JobRun.resume(stopped)
        .run(
            event -> steps.addAndGet(event instanceof AblationEvent.StepCompleted ? 1 : 0),
            () -> false,
            (found, session) -> {});
    assertThat(steps).hasValueLessThan(4);
    assertThat(stopped.resolve(JobRun.DELTA)).hasSameBinaryContentAs(whole.resolve(JobRun.DELTA));
    assertThatThrownBy(() -> JobRun.of(job(NO_IMAGES), stopped))
        .hasMessageContaining("holds a finished run; resume it to read its result");

    Map<Path, FileTime> evidence = files(stopped);
    assertThat(run.run(NEVER, () -> true, NOTHING)).isEqualTo(result(result, run));
    assertThat(JobRun.resume(stopped).run()).isEqualTo(result(result, run));
    assertThat(files(stopped)).as("the evidence stays as it is").isEqualTo(evidence);
    JobRun another = JobRun.of(job(NO_IMAGES).seed(1), folder.resolve("another"));
    TestFolders.copy(stopped, folder.resolve("another"));
    assertThatThrownBy(another::run)
        .isInstanceOf(FileAlreadyExistsException.class)
        .hasMessageContaining("holds a finished run of another job");
  }

  private static final AblationListener NEVER =
      event -> {
        throw new AssertionError(event);
      };
  private static final JobRun.MoreFiles NOTHING =
      (result, session) -> {
        throw new AssertionError(result);
      };

  /** The same result in another folder. */
  private static JobResult result(JobResult other, JobRun run) {
    return new JobResult(
        run.job(),
        run.folder(),
        other.verdicts(),
        other.evaluation(),
        other.together(),
        other.entered());
  }

  /** All that is in a folder, and when it was written. */
  private static Map<Path, FileTime> files(Path folder) throws IOException {
    Map<Path, FileTime> files = new TreeMap<>();
    try (Stream<Path> all = Files.walk(folder)) {
      for (Path file : all.toList()) {
        files.put(file, Files.getLastModifiedTime(file));
      }
    }
    return files;
  }

  /** Its work is gone too early, so that the end fails when it deletes it: as if killed there. */
  @Test
  void anEndThatIsKilledAfterItsManifestIsNotRepeated() throws IOException {
    Path output = folder.resolve("run");
    Path work = output.resolve(JobRun.WORK);
    JobRun run = JobRun.of(closedForm(), output);
    assertThatThrownBy(() ->
            run.run(
                event -> {},
                () -> false,
                (result, session) -> Files.move(work, folder.resolve("moved"))))
        .isInstanceOf(NoSuchFileException.class);
    assertThat(JobRun.isFinished(output)).isTrue();

    Files.createDirectories(work.resolve("checkpoints"));
    Files.writeString(work.resolve("checkpoints/left"), "over");
    assertThat(EvidenceBundle.open(output).verify(null)).noneMatch(EvidenceBundle.Check::failed);
    assertThat(JobRun.resume(output).run(NEVER, () -> true, NOTHING).accepted()).isTrue();
    assertThat(work).doesNotExist();
    assertThat(JobRun.isFinished(output)).isTrue();
  }

  /** Longer than the runner looks away. */
  private static void pause() {
    try {
      Thread.sleep(500);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Test
  void aJobIsWhatThePlanOfTheLibraryIs() throws IOException {
    AblationJob job = job(FEW_IMAGES).seed(5);
    try (JobSession session = JobSession.open(job)) {
      assertThat(session.plan().settings())
          .containsEntry("seed", "5")
          .containsEntry("training.steps", "4")
          .containsEntry("training.batchSize", "2")
          .containsEntry("anchor.images", "2")
          .containsEntry("target", "style 'blueprint'");
      assertThat(session.plan().check()).isEmpty();
      assertThat(session.evaluation()).isPresent();
    }
    String wrong = "a".repeat(64);
    JobModel other = new JobModel("embedded", wrong, null, null, null, null, List.of());
    assertThatThrownBy(() -> JobSession.open(job.model(other)))
        .isInstanceOf(InvalidJobException.class)
        .hasMessageContaining("the model's weights must have SHA-256 " + wrong);
  }

  @Test
  void theVerdictComesFromWhatWasMeasured() throws IOException {
    AblationJob job =
        job(FEW_IMAGES)
            .acceptance(
                List.of(
                    AcceptanceLimit.parse("UA >= 0"),
                    AcceptanceLimit.parse("IRA <= 100"),
                    AcceptanceLimit.parse("recovered <= 100"),
                    AcceptanceLimit.parse("mean squared change of target >= 2"),
                    AcceptanceLimit.parse("CLIP score of target >= 0")));
    JobResult result = JobRun.of(job, folder.resolve("run")).run();
    assertThat(result.evaluation()).isPresent();
    List<String> met = new ArrayList<>();
    result.verdicts().forEach(verdict -> met.add(verdict.limit().measure() + " " + verdict.met()));
    assertThat(met)
        .contains("UA true", "recovered true", "mean squared change of target false")
        .contains("CLIP score of target false");
    assertThat(result.verdicts().get(4).toString()).endsWith("not measured");
    assertThat(result.accepted()).isFalse();
    JobResult again = JobRun.resume(folder.resolve("run")).run();
    assertThat(again.verdicts()).isEqualTo(result.verdicts());
    assertThat(again.evaluation().orElseThrow().toJson())
        .isEqualTo(result.evaluation().orElseThrow().toJson());
    assertThat(again.accepted()).isFalse();
  }

  @Test
  void aRunBeyondItsLimitsIsRefusedBeforeItBegins() {
    Path output = folder.resolve("run");
    JobLimits limits = new JobLimits(null, JobBytes.parse("1 MB"));
    assertThatThrownBy(() -> JobRun.of(job(NO_IMAGES).limits(limits), output).run())
        .isInstanceOf(InvalidJobException.class)
        .hasMessageContaining("limits.memory: training takes about")
        .hasMessageContaining("more than the limit of");
    assertThat(output).doesNotExist();
  }

  @Test
  void anOutputThatIsNotEmptyStaysAsItIs() throws IOException {
    Path file = Files.writeString(folder.resolve("mine.txt"), "mine");
    assertThatThrownBy(() -> JobRun.of(job(NO_IMAGES), folder))
        .hasMessageContaining(folder + ": is not empty");
    assertThatThrownBy(() -> JobRun.of(job(NO_IMAGES), file)).hasMessageContaining("is a file");
    assertThatThrownBy(() -> JobRun.resume(folder)).hasMessageContaining("no run to resume");
    assertThat(file).hasContent("mine");
  }

  private AblationJob owl(String objective) {
    return AblationJob.parse(
        """
        {"targets": [{"name": "owl"}], "method": {"objective": "%s", "training": {"steps": 2, "batchSize": 1}}%s}
        """
            .formatted(objective, NO_IMAGES),
        "job",
        folder,
        JobRoot.anywhere());
  }

  @Test
  void aTextLayerIsTrainedWithoutImages() throws IOException {
    Path output = folder.resolve("text");
    JobRun.of(owl("representation-misdirection"), output).run();
    try (NDManager manager = NDManager.newBaseManager();
        WeightDelta delta = WeightDelta.load(output.resolve(JobRun.DELTA), manager)) {
      assertThat(delta.names())
          .isNotEmpty()
          .allMatch(name -> name.startsWith("text_encoder.text_model.encoder.layers.0."));
      assertThat(delta.provenance().settings()).containsKey("training.caution");
    }
  }

  @Test
  void aTaskVectorIsOfTheDenoiser() throws IOException {
    try (StableDiffusion model = EmbeddedModel.open()) {
      Ablation plan =
          new JobPlanner(owl("task-vector"), model, new JobEvaluator(null, null, new JobFound()))
              .plan();
      assertThat(plan.check()).isEmpty();
      Estimate estimate = plan.estimate();
      assertThat(estimate.steps()).isEqualTo(2);
      assertThat(estimate.trained().tensors())
          .isEqualTo(WeightGroup.denoiser().select(model.weights()).size());
    }
  }

  @Test
  void aJobCanRedirect() throws IOException {
    AblationJob job =
        AblationJob.parse(
            """
            {"targets": [{"name": "owl"}],
             "method": {"objective": {"kind": "redirection",
                                      "redirection": {"pairs": 8, "kept": {"batchSize": 4, "weight": 3},
                                                      "words": {"count": 1, "steps": 3},
                                                      "relearning": {"everySteps": 2, "radius": 0.3}}},
                        "training": {"steps": 5}}
            """
                + NO_IMAGES
                + "}",
            "job",
            folder,
            JobRoot.anywhere());
    try (JobSession session = JobSession.open(job)) {
      assertThat(session.plan().check()).isEmpty();
      assertThat(session.plan().settings())
          .containsEntry("training.steps", "5")
          .containsEntry("training.redirection.pairs", "8")
          .containsEntry("training.redirection.keepWeight", "3.0")
          .containsEntry("training.redirection.keptBatch", "4")
          .containsEntry("training.redirection.keptImages", "192")
          .containsEntry("training.redirection.relearning", "every 2, 3 steps of 0.3")
          .containsEntry("weights", "denoiser")
          .doesNotContainKey("objective");
      assertThat(session.plan().settings().get("training.redirection.words"))
          .startsWith("1 as")
          .contains("rate 0.02, 3 steps a step, restart every 80");
    }
  }

  @Test
  void aMembraneHasTheGateOfTheTargetsNames() throws IOException {
    AblationJob job =
        AblationJob.parse(
            """
            {"targets": [{"name": "owl", "others": ["Eule"]}],
             "method": {"weights": "transformers",
                        "objective": {"kind": "semi-permeable", "trajectory": 2},
                        "training": {"steps": 1, "batchSize": 1, "lora": 1,
                                     "learningRate": 0.1}},
             "evaluation": {"evaluator": "pixels", "neighbours": ["rocket"], "sampling": 1,
                            "images": {"target": 2, "anchor": 1, "neighbour": 1, "shown": 1}}}
            """,
            "job",
            folder,
            JobRoot.anywhere());
    Path output = folder.resolve("membrane");
    JobResult run = JobRun.of(job, output).run();
    ConceptGate gate = ConceptGate.of("owl", "Eule");
    assertThat(run.evaluation().orElseThrow().settings()).containsEntry("gate", gate.toJson());
    try (NDManager manager = NDManager.newBaseManager();
        WeightDelta delta = WeightDelta.load(output.resolve(JobRun.DELTA), manager);
        WeightDelta plain = delta.ungated();
        WeightDelta twice = Removals.plus(delta, plain)) {
      assertThat(delta.gate()).contains(gate);
      assertThat(delta.isLowRank()).isTrue();
      assertThat(delta.norm()).as("what was trained").isPositive();
      assertThat(twice.gate()).as("what acts in full on every prompt has none").isEmpty();
    }
    EvidenceBundle bundle = EvidenceBundle.open(output);
    try (DiffusionModel model = JobSession.openModel(job.model())) {
      assertThat(bundle.verify(null, model))
          .noneMatch(EvidenceBundle.Check::failed)
          .last()
          .satisfies(drawn -> assertThat(drawn.toString()).contains("difference 0.00000"));
      LatentSampler sampler =
          LatentSampler.of(model).settings(EmbeddedModel.recommendedSampling().steps(1));
      List<String> rocket = List.of("rocket emoji");
      try (WeightDelta delta = bundle.delta(model.manager())) {
        assertThat(pixels(FacilitatedTransport.drawWith(delta, model, sampler, rocket, 0)))
            .as("evidence drawn in full would have failed")
            .isNotEqualTo(pixels(delta.applied(model, () -> sampler.draw(rocket, 0))));
      }
    }
  }

  private static int[] pixels(List<BufferedImage> images) {
    BufferedImage image = images.get(0);
    return image.getRGB(0, 0, image.getWidth(), image.getHeight(), null, 0, image.getWidth());
  }

  private AblationJob closedForm() {
    return AblationJob.parse(
        "{\"targets\": [{\"name\": \"owl\"}], \"method\": {\"closedForm\": \"uce\"}"
            + NO_IMAGES
            + "}",
        "job",
        folder,
        JobRoot.anywhere());
  }

  @Test
  void aClosedFormRuns() throws IOException {
    Path output = folder.resolve("closed");
    JobRun.of(closedForm(), output).run();
    try (NDManager manager = NDManager.newBaseManager();
        WeightDelta delta = WeightDelta.load(output.resolve(JobRun.DELTA), manager)) {
      assertThat(delta.isRelative()).as("one factor for all keys and values").isTrue();
      assertThat(delta.names()).isNotEmpty();
    }
  }
}
