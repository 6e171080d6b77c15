package dev.ablation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.anchor.GeneratedAnchors;
import dev.ablation.checkpoint.Checkpoints;
import dev.ablation.concept.Concept;
import dev.ablation.concept.StyleTemplates;
import dev.ablation.evaluation.ConceptDetector;
import dev.ablation.evaluation.Evaluation;
import dev.ablation.evaluation.EvaluationResult;
import dev.ablation.evaluation.Protocol;
import dev.ablation.evaluation.Role;
import dev.ablation.evaluation.Subject;
import dev.ablation.evaluation.SubjectMetric;
import dev.ablation.evaluation.SubjectResult;
import dev.ablation.event.AblationEvent;
import dev.ablation.event.AblationEvent.Completed;
import dev.ablation.event.AblationEvent.EvaluationProgressed;
import dev.ablation.event.AblationEvent.Resumed;
import dev.ablation.event.AblationEvent.StepCompleted;
import dev.ablation.event.AblationEvent.Warning;
import dev.ablation.metric.FeatureExtractor;
import dev.ablation.metric.FeatureMatrix;
import dev.ablation.sample.Sampler;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.testing.TinyDiffusion;
import dev.ablation.testing.TinyEncoder;
import dev.ablation.train.Preset;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An evaluation as a part of an ablation. */
class EvaluateTest {
  private static final GeneratedAnchors PAINTINGS =
      AnchorStrategy.generated("painting", List.of("a painting of a boat", "a painting"))
          .images(2)
          .sampling(SamplingSettings.defaults().steps(2).batchSize(2));
  private static final Protocol SMALL =
      Protocol.paper()
          .images(3, 2, 2, 2)
          .sampling(new SamplingSettings(Sampler.ddim(1), 2, 6, "", 2));

  @TempDir private Path folder;

  private final TinyDiffusion model = TinyDiffusion.open(1);
  private final TinyEncoder clip = new TinyEncoder();
  private final List<AblationEvent> events = new ArrayList<>();
  private int arrays;

  @BeforeEach
  void remember() {
    arrays = model.manager().getManagedArrays().size();
  }

  @AfterEach
  void close() {
    assertThat(model.manager().getManagedArrays()).hasSize(arrays);
    assertThat(model.weights().boundSha256()).isEmpty();
    model.close();
  }

  private Ablation plan() {
    return Ablator.of(model)
        .target(Concept.style("Van Gogh"))
        .anchor(PAINTINGS)
        .training(t -> t.steps(4).batchSize(2).learningRate(0.05))
        .listener(events::add);
  }

  private Evaluation evaluation() {
    return Evaluation.with(clip).neighbours("Monet").protocol(SMALL);
  }

  private static List<SubjectResult> subjects(AblationResult result) {
    return result.evaluation().orElseThrow().subjects();
  }

  @Test
  void aRunEndsWithAnEvaluation() throws IOException {
    try (AblationResult result = plan().evaluate(evaluation()).run()) {
      EvaluationResult found = result.evaluation().orElseThrow();
      assertThat(found.subjects().stream().map(SubjectResult::subject))
          .containsExactly(
              new Subject(
                      Role.TARGET,
                      "Van Gogh",
                      List.of(
                          "a painting of a boat, in the style of Van Gogh",
                          "in Van Gogh's style, a painting"),
                      3)
                  .rests(List.of("a painting of a boat", "a painting")),
              new Subject(
                  Role.ANCHOR, "painting", List.of("a painting of a boat", "a painting"), 2),
              new Subject(
                  Role.NEIGHBOUR,
                  "Monet",
                  List.of(
                      "a painting of a boat, in the style of Monet",
                      "in Monet's style, a painting"),
                  2));
      // The same numbers as by hand with the delta.
      EvaluationResult byHand =
          evaluation()
              .target(Concept.style("Van Gogh"), "painting", PAINTINGS.prompts(Concept.style("x")))
              .run(model, result.delta());
      assertThat(subjects(result))
          .extracting(SubjectResult::metrics)
          .isEqualTo(byHand.subjects().stream().map(SubjectResult::metrics).toList());
      assertThat(found.settings()).isEqualTo(byHand.settings());
    }
    List<EvaluationProgressed> progress =
        events.stream()
            .filter(EvaluationProgressed.class::isInstance)
            .map(EvaluationProgressed.class::cast)
            .toList();
    assertThat(progress)
        .extracting(EvaluationProgressed::done)
        .containsExactly(2, 4, 5, 6, 8, 10, 12, 14);
    assertThat(progress).extracting(EvaluationProgressed::total).containsOnly(14);
    assertThat(events.get(events.size() - 1)).isInstanceOf(Completed.class);
    assertThat(events.get(events.size() - 2)).isEqualTo(progress.get(progress.size() - 1));
  }

  @Test
  void anEvaluationDoesNotChangeTheDelta() throws IOException {
    Path with = folder.resolve("with");
    Path without = folder.resolve("without");
    try (AblationResult result = plan().evaluate(evaluation()).run()) {
      result.delta().save(with);
    }
    try (AblationResult result = plan().run()) {
      assertThat(result.evaluation()).isEmpty();
      result.delta().save(without);
    }
    assertThat(with).hasSameBinaryContentAs(without);
  }

  @Test
  void thePresetsFormsAreThoseOfNeighboursToo() {
    try (AblationResult result =
        plan()
            .preset(Preset.paper(Concept.style("x").kind()))
            .training(t -> t.steps(1).batchSize(1))
            .evaluate(evaluation())
            .run()) {
      List<String> forms = StyleTemplates.paper().forms();
      assertThat(subjects(result).get(2).subject().prompts().get(0))
          .isEqualTo(
              forms.get(0).replace("{name}", "Monet").replace("{prompt}", "a painting of a boat"));
    }
  }

  @Test
  void ofSeveralTargetsEachIsEvaluated() {
    try (AblationResult result =
        plan()
            .andTarget(Concept.instance("grumpy cat"))
            .anchor(
                AnchorStrategy.generated("cat", List.of("a cat"))
                    .images(1)
                    .sampling(SamplingSettings.defaults().steps(1)))
            .evaluate(evaluation())
            .run()) {
      EvaluationResult found = result.evaluation().orElseThrow();
      assertThat(found.of(Role.TARGET))
          .extracting(each -> each.subject().name())
          .containsExactly("Van Gogh", "grumpy cat");
      assertThat(found.of(Role.ANCHOR))
          .extracting(each -> each.subject().name())
          .containsExactly("painting", "cat");
    }
  }

  @Test
  void anEvaluationMayHaveItsOwnTarget() {
    try (AblationResult result =
        plan()
            .evaluate(
                evaluation()
                    .target(Concept.style("Vincent"), "painting", List.of("a painting of a sea")))
            .run()) {
      assertThat(subjects(result).get(0).subject().prompts())
          .containsExactly("a painting of a sea, in the style of Vincent");
    }
  }

  @Test
  void itsProblemsAreToldWithAllOthersBeforeAnyWork() {
    Ablation wrong =
        plan()
            .preserve(Concept.style("Van Gogh"))
            .evaluate(Evaluation.with(clip).neighbours("Van Gogh").protocol(SMALL));
    assertThat(wrong.check())
        .containsExactly(
            "style 'Van Gogh' must not be both removed and preserved",
            "evaluation: subjects must differ, but 'Van Gogh' is target and neighbour");
    assertThatIllegalArgumentException()
        .isThrownBy(wrong::run)
        .withMessageContaining("2 problems with the plan");
    assertThat(plan().evaluate(Evaluation.with(clip)).check())
        .singleElement()
        .asString()
        .startsWith("evaluation: neighbours must not be empty");
  }

  /** Hours of training are not lost because the last of many metrics fails. */
  @Test
  void aFailingEvaluationDoesNotLoseTheDelta() {
    ConceptDetector failing =
        new ConceptDetector() {
          @Override
          public String name() {
            return "failing";
          }

          @Override
          public FeatureExtractor extractor() {
            return clip;
          }

          @Override
          public double[] shows(FeatureMatrix features) {
            if (features.rows() == 1) { // the first look, before the run
              return new double[] {0};
            }
            throw new IllegalStateException("the detector broke");
          }
        };
    try (AblationResult result =
        plan().evaluate(evaluation().metric(SubjectMetric.share("failing", failing))).run()) {
      assertThat(result.evaluation()).isEmpty();
      assertThat(result.delta().norm()).isPositive();
    }
    assertThat(events)
        .filteredOn(Warning.class::isInstance)
        .singleElement()
        .isEqualTo(
            new Warning(
                "the evaluation failed, the result is without it: java.lang.IllegalStateException:"
                    + " the detector broke"));
  }

  @Test
  void cancellingWhileItEvaluatesKeepsTheDelta() {
    List<AblationRun> started = new ArrayList<>();
    List<Runnable> tasks = new ArrayList<>();
    Executor later = tasks::add;
    started.add(
        plan()
            .evaluate(evaluation())
            .listener(event -> {
              if (event instanceof EvaluationProgressed) {
                started.get(0).cancel();
              }
            })
            .start(later));
    tasks.get(0).run();
    try (AblationResult result = started.get(0).result().toCompletableFuture().join()) {
      assertThat(result.delta().norm()).isPositive();
      assertThat(result.evaluation()).isEmpty();
    }
    assertThat(events.stream().filter(EvaluationProgressed.class::isInstance)).hasSize(1);
    assertThat(events)
        .filteredOn(Warning.class::isInstance)
        .singleElement()
        .asString()
        .contains("CancellationException");
  }

  /** The evaluation may be added, or changed, when a run goes on from its checkpoints. */
  @Test
  void aRunGoesOnFromItsCheckpointsToTheEvaluation() throws IOException {
    Path run = folder.resolve("run");
    Ablation kept = plan().checkpoints(Checkpoints.in(run).every(2));
    kept.run().close();
    events.clear();
    try (AblationResult result =
        kept.evaluate(evaluation().keptIn(folder.resolve("images"))).run()) {
      assertThat(result.evaluation()).isPresent();
    }
    assertThat(events).anyMatch(Resumed.class::isInstance);
    assertThat(events).noneMatch(StepCompleted.class::isInstance);
    assertThat(Files.list(folder.resolve("images"))).hasSize(2);
  }

  @Test
  void theEstimateCountsItsImages() {
    assertThat(plan().estimate().evaluationImages()).isZero();
    Estimate estimate = plan().evaluate(evaluation()).estimate();
    assertThat(estimate.possible()).isTrue();
    assertThat(estimate.evaluationImages()).isEqualTo(14);
    assertThat(estimate.toString()).contains("14 images to draw for the evaluation");
  }
}
