package dev.ablation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import ai.djl.ndarray.types.Shape;
import dev.ablation.anchor.AnchorCost;
import dev.ablation.anchor.AnchorJudgement;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.anchor.GeneratedAnchors;
import dev.ablation.attack.AttackSettings;
import dev.ablation.attack.WordingAttack;
import dev.ablation.concept.Concept;
import dev.ablation.evaluation.AttackCost;
import dev.ablation.evaluation.ConceptDetector;
import dev.ablation.evaluation.Evaluation;
import dev.ablation.evaluation.SubjectMetric;
import dev.ablation.event.AblationEvent;
import dev.ablation.model.Differentiable;
import dev.ablation.model.LatentCodec;
import dev.ablation.model.Lora;
import dev.ablation.model.PromptTokenizer;
import dev.ablation.model.WeightGroup;
import dev.ablation.model.WeightInfo;
import dev.ablation.model.WeightRole;
import dev.ablation.objective.AblationObjective;
import dev.ablation.objective.Teacher;
import dev.ablation.sample.Sampler;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.testing.TinyDiffusion;
import dev.ablation.testing.TinyEncoder;
import dev.ablation.train.Redirection;
import dev.ablation.train.StepCost;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.CancellationException;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

class EstimateTest {
  private static final GeneratedAnchors CATS =
      AnchorStrategy.generated("cat", List.of("a photo of a cat", "two cats", "Cat on a sofa"))
          .images(10)
          .sampling(SamplingSettings.defaults().steps(5).batchSize(4));

  private final TinyDiffusion model = TinyDiffusion.open(1);
  private final List<AblationEvent> events = new ArrayList<>();

  @AfterEach
  void close() {
    model.close();
  }

  private Ablation plan(GeneratedAnchors anchors) {
    return Ablator.of(model)
        .target("grumpy cat")
        .anchor(anchors)
        .training(t -> t.steps(40).batchSize(3).learningRate(0.01))
        .listener(events::add);
  }

  private Ablation plan() {
    return plan(CATS);
  }

  private Shape shape(String name) {
    return model.weights().list().stream()
        .filter(info -> info.name().equals(name))
        .map(WeightInfo::shape)
        .findFirst()
        .orElseThrow();
  }

  @Test
  void countsWhatIsTrained() {
    long numbers = shape("network.key").size() + shape("network.value").size();
    Estimate estimate = plan().estimate();
    assertThat(estimate.trained()).isEqualTo(new Estimate.Trained(2, numbers));
    assertThat(estimate.trained().deltaBytes()).isEqualTo(4 * numbers);
    assertThat(estimate.stateBytes()).isEqualTo(4 * (5 * numbers + 10 * 3 * 4 * 6));
    assertThat(estimate.possible()).isTrue();
    assertThat(estimate.steps()).isEqualTo(40);
    assertThat(estimate.anchorImages()).isEqualTo(10);
  }

  @Test
  void ofATableOfEmbeddingsOnlyTheTargetsRowsCount() {
    int tokens =
        model.capability(PromptTokenizer.class).orElseThrow().tokens("grumpy cat").ids().size();
    assertThat(plan().weights(WeightGroup.tokenEmbeddings()).estimate().trained())
        .isEqualTo(new Estimate.Trained(1, (long) tokens * TinyDiffusion.TEXT_WIDTH));
  }

  @TestFactory
  Stream<DynamicTest> countsEvaluations() {
    Map<AblationObjective, long[]> expected = new LinkedHashMap<>();
    expected.put(AblationObjective.modelBased(), new long[] {6, 0});
    expected.put(AblationObjective.modelBased(Teacher.FROZEN_WEIGHTS), new long[] {6, 0});
    expected.put(AblationObjective.noiseBased(), new long[] {3, 0});
    expected.put(
        AblationObjective.noiseBased().plus(AblationObjective.priorPreservation()),
        new long[] {3, 3});
    return expected.entrySet().stream()
        .map(each ->
            DynamicTest.dynamicTest(
                each.getKey().name(),
                () -> {
                  Estimate estimate = plan().objective(each.getKey()).estimate();
                  StepCost probe = estimate.probe().orElseThrow();
                  long pairs = each.getValue()[0];
                  long prior = each.getValue()[1];
                  assertThat(probe.pairEvaluations()).isEqualTo(pairs);
                  assertThat(probe.priorEvaluations()).isEqualTo(prior);
                  assertThat(estimate.anchorCost()).isEqualTo(new AnchorCost(10 * 5 * 2, 8));
                  assertThat(estimate.forwardPasses()).hasValue(10 * 5 * 2 + 40 * (pairs + prior));
                }));
  }

  /** Redirection draws its own images, and its words and what stays take passes of a step. */
  @Test
  void countsTheImagesAndTheWordsOfRedirection() {
    Redirection redirection =
        Redirection.defaults()
            .pairs(4)
            .keptImages(5)
            .keptBatch(3)
            .wordSteps(2)
            .sampling(SamplingSettings.defaultsFor(model).steps(2).batchSize(3).guidanceScale(2));
    Ablation plan =
        plan()
            .weights(WeightGroup.denoiser())
            .training(t -> t.steps(40).batchSize(5).redirecting(redirection));
    Estimate estimate = plan.estimate();
    assertThat(estimate.problems()).isEmpty();
    assertThat(estimate.anchorImages()).isEqualTo(2 * 4 + 5);
    assertThat(estimate.anchorCost()).isEqualTo(new AnchorCost(13 * 2 * 2, 2 * 3));
    long step = 2 * 4 + 5 + 2 * (3 + 2); // words, redirection, what stays by both weights
    assertThat(estimate.probe().orElseThrow().pairEvaluations()).isEqualTo(step);
    assertThat(estimate.forwardPasses()).hasValue(13 * 2 * 2 + 40 * step);
    assertThat(estimate.anchorTime().orElseThrow()).isPositive();
    Estimate without =
        plan.training(t -> t.redirecting(redirection.words(0, "sks").relearning(2, 3, 0.1)))
            .estimate();
    assertThat(without.probe().orElseThrow().pairEvaluations())
        .isEqualTo(step - 2 * 4 + (3 + 1) * 5 / 2);
  }

  @Test
  void countsWhatAttacksTake() {
    AttackSettings trial =
        new AttackSettings(
            ConceptDetector.clip(new TinyEncoder(), "grumpy cat", "cat"),
            SamplingSettings.defaults().steps(5).batchSize(4),
            6,
            1);
    Evaluation evaluation =
        Evaluation.of(SubjectMetric.pixelChange())
            .withoutNeighbours()
            .attacks(List.of(new WordingAttack("other", List.of("a cat that scowls"), trial)));
    Estimate estimate = plan().evaluate(evaluation).estimate();
    assertThat(estimate.attackCost()).isEqualTo(AttackCost.forward(2 * 6 * 5 * 2));
    assertThat(estimate.attackTime().orElseThrow()).isPositive();
    assertThat(estimate.toString()).contains("attacks: at most 120 forward passes");
    assertThat(plan().estimate().attackTime()).isEmpty();
  }

  @Test
  void whatIsPreservedTakesEvaluationsToo() {
    Estimate estimate = plan().preserve(Concept.instance("dog")).estimate();
    assertThat(estimate.probe().orElseThrow().pairEvaluations()).isEqualTo(3 * 4);
    assertThat(
            plan()
                .training(t -> t.accumulation(2))
                .estimate()
                .probe()
                .orElseThrow()
                .pairEvaluations())
        .isEqualTo(2 * 6);
  }

  @Test
  void ofLowRankTrainingTheFactorsCount() {
    Lora lora = Lora.rank(2);
    long numbers = 0;
    for (String name : List.of("network.key", "network.value")) {
      Shape shape = shape(name);
      numbers += 2 * (shape.get(0) + shape.get(1));
    }
    Estimate estimate = plan().training(t -> t.lora(lora)).estimate();
    assertThat(estimate.trained()).isEqualTo(new Estimate.Trained(4, numbers));
  }

  @Test
  void aJudgesSampleIsLookedAt() {
    AnchorStrategy judged = CATS.judgedBy((image, prompt) -> prompt.contains("sofa")).sampleSize(3);
    Ablation plan = Ablator.of(model).target("grumpy cat").anchor(judged);
    int arrays = model.manager().getManagedArrays().size();
    Estimate estimate = plan.estimate();
    assertThat(estimate.judgements()).containsOnlyKeys("instance 'grumpy cat'");
    AnchorJudgement judgement = estimate.judgements().get("instance 'grumpy cat'");
    assertThat(judgement.judged()).isEqualTo(3);
    assertThat(judgement.showing()).isEqualTo(1);
    assertThat(estimate.toString())
        .contains("anchors of instance 'grumpy cat': 1 of 3 images show the target (33 %)");
    assertThat(estimate.anchorCost().forwardPasses()).isEqualTo(100);
    assertThat(model.manager().getManagedArrays()).hasSize(arrays);
    assertThat(plan().estimate().judgements()).isEmpty();
  }

  @Test
  void aModelThatCannotEncodeImagesIsEstimatedWithAWarning() {
    model.without(LatentCodec.class);
    Estimate estimate = plan().estimate();
    assertThat(estimate.possible()).isTrue();
    assertThat(estimate.probe()).isPresent();
    assertThat(estimate.warnings())
        .anyMatch(warning -> warning.contains("without the preset's augmentation"));
  }

  @Test
  void samplersMayTakeMoreEvaluationsThanSteps() {
    SamplingSettings unguided = SamplingSettings.defaults().steps(5).guidanceScale(1).batchSize(4);
    assertThat(plan(CATS.sampling(unguided)).estimate().anchorCost())
        .isEqualTo(new AnchorCost(10 * 5, 4));
    assertThat(plan(CATS.sampling(unguided.sampler(Sampler.pndm()))).estimate().anchorCost())
        .isEqualTo(new AnchorCost(10 * 6, 4));
  }

  @Test
  void imagesInACacheTakeNoWork(@TempDir Path folder) {
    Ablation plan = plan(CATS.cachedIn(folder)).training(t -> t.steps(1));
    assertThat(plan.estimate().anchorCost().forwardPasses()).isEqualTo(100);
    plan.run().close();
    Estimate estimate = plan.estimate();
    assertThat(estimate.anchorCost().forwardPasses()).isZero();
    assertThat(estimate.anchorTime()).hasValue(Duration.ZERO);
  }

  @Test
  void sharedImagesCountOnce() {
    GeneratedAnchors paintings = CATS.prompts(List.of("a boat", "a lake"));
    Estimate estimate =
        Ablator.of(model)
            .target(Concept.style("Monet"))
            .anchor(paintings)
            .andTarget(Concept.style("Van Gogh"))
            .anchor(paintings)
            .andTarget("grumpy cat")
            .anchor(CATS)
            .estimate();
    assertThat(estimate.problems()).isEmpty();
    assertThat(estimate.anchorImages()).isEqualTo(20);
    assertThat(estimate.anchorCost().forwardPasses()).isEqualTo(200);
  }

  @Test
  void timesAreThoseOfStepsAndEvaluations() {
    Estimate estimate = plan().estimate();
    StepCost probe = estimate.probe().orElseThrow();
    assertThat(probe.step()).isPositive();
    assertThat(probe.anchorEvaluation()).isPositive();
    assertThat(estimate.trainingTime()).hasValue(probe.step().multipliedBy(40));
    assertThat(estimate.anchorTime()).hasValue(probe.anchorEvaluation().multipliedBy(100));
    assertThat(estimate.time())
        .hasValue(estimate.trainingTime().orElseThrow().plus(estimate.anchorTime().orElseThrow()));
    assertThat(estimate.peakMemory())
        .satisfiesAnyOf(
            peak -> assertThat(peak).isEmpty(),
            peak -> assertThat(peak.orElseThrow().increase()).isPositive());
  }

  @Test
  void leavesEverythingAsItWas() {
    String before = model.weights().sha256();
    int arrays = model.manager().getManagedArrays().size();
    int listened = events.size();
    plan().estimate();
    assertThat(model.weights().sha256()).isEqualTo(before);
    assertThat(model.weights().boundSha256()).isEmpty();
    assertThat(model.manager().getManagedArrays()).hasSize(arrays);
    assertThat(events).hasSize(listened);
    try (AblationResult one = plan().training(t -> t.steps(2)).run();
        AblationResult two = plan().training(t -> t.steps(2)).run()) {
      assertThat(two.history()).isEqualTo(one.history());
    }
  }

  @Test
  void listsEverythingThatIsWrongWithoutThrowing() {
    model.without(Differentiable.class);
    Ablation wrong =
        plan(CATS.prompts(List.of("a cat", "a dog", "a bobcat")))
            .weights(WeightGroup.ofRoles("pixels", WeightRole.SELF_ATTENTION))
            .preserve(Concept.instance("Grumpy Cat"));
    Estimate estimate = wrong.estimate();
    assertThat(estimate.possible()).isFalse();
    assertThat(estimate.problems())
        .isEqualTo(wrong.check())
        .anyMatch(problem -> problem.contains("no capability Differentiable, which training needs"))
        .anyMatch(problem -> problem.contains("weight group 'pixels' matches none"))
        .anyMatch(problem -> problem.contains("but 'a dog' does not contain it"))
        .anyMatch(problem -> problem.contains("but 'a bobcat' does not contain it"))
        .anyMatch(problem -> problem.contains("must not be both removed and preserved"));
    assertThat(estimate.probe()).isEmpty();
    assertThat(estimate.forwardPasses()).isEqualTo(OptionalLong.empty());
    assertThat(estimate.time()).isEmpty();
    assertThat(estimate.anchorImages()).isEqualTo(10);
  }

  @Test
  void anAnchorThatDoesNotSuitItsTargetIsAProblem() {
    Ablation wrong =
        plan()
            .andTarget("cat face")
            .anchor(
                AnchorStrategy.otherStyles(
                    List.of("Monet"), AnchorStrategy.generated("scene", List.of("a boat"))));
    assertThat(wrong.check()).singleElement().asString().contains("needs a style as target");
    assertThat(wrong.estimate().problems()).isEqualTo(wrong.check());
  }

  @Test
  void anObjectiveThatFailsIsAProblem() {
    AblationObjective broken =
        AblationObjective.named(
            "broken",
            context -> {
              throw new IllegalStateException("broken objective");
            });
    int arrays = model.manager().getManagedArrays().size();
    assertThat(plan().objective(broken).estimate().problems())
        .singleElement()
        .asString()
        .startsWith("the first training step fails: ")
        .contains("broken objective");
    assertThat(model.manager().getManagedArrays()).hasSize(arrays);
    assertThat(plan().estimate().possible()).isTrue();
  }

  @Test
  void aTrainerWithoutSingleStepsIsNotProbed() {
    Estimate estimate = plan().trainer(new Snippets.Shrink(0.5)).estimate();
    assertThat(estimate.possible()).isTrue();
    assertThat(estimate.probe()).isEmpty();
    assertThat(estimate.trained().tensors()).isEqualTo(2);
  }

  @Test
  void monitorsAreNotAsked() {
    Ablation plan =
        plan()
            .training(t ->
                t.stopWhen(
                    "never",
                    progress -> {
                      throw new IllegalStateException("asked");
                    }));
    assertThat(plan.estimate().possible()).isTrue();
  }

  @Test
  void hintsAtThePriorWhereWordsAreShared() {
    assertThat(plan().estimate().warnings())
        .singleElement()
        .asString()
        .startsWith("instance 'grumpy cat' contains its anchor 'cat'");
    assertThat(
            plan()
                .objective(
                    AblationObjective.modelBased().plus(AblationObjective.priorPreservation()))
                .estimate()
                .warnings())
        .isEmpty();
    plan().training(t -> t.steps(1)).run().close();
    assertThat(events).noneMatch(AblationEvent.Warning.class::isInstance);
  }

  @Test
  void aModelInUseOrAnInterruptIsNoProblemOfThePlan() {
    List<Throwable> thrown = new ArrayList<>();
    Ablation other = plan();
    plan()
        .training(t -> t.steps(1))
        .listener(event -> {
          try {
            other.estimate();
          } catch (IllegalStateException e) {
            thrown.add(e);
          }
        })
        .run()
        .close();
    assertThat(thrown).isNotEmpty().allMatch(e -> e.getMessage().contains("used by another run"));
    Thread.currentThread().interrupt();
    assertThatExceptionOfType(CancellationException.class).isThrownBy(() -> plan().estimate());
    assertThat(Thread.interrupted()).isTrue();
    model.close();
    assertThatIllegalStateException()
        .isThrownBy(() -> plan().estimate())
        .withMessage("model 'tiny-1' is closed");
  }

  @Test
  void isReadable() {
    assertThat(plan().estimate().toString())
        .contains("warning: instance 'grumpy cat'")
        .contains("10 anchor images, 100 forward passes to draw; 40 training steps")
        .contains("a step makes 6 forward passes for pairs and 0 for the prior");
    assertThat(plan(CATS.prompts(List.of("a dog"))).estimate().toString())
        .contains("problem: anchor 'cat' must occur in every anchor prompt");
  }
}
