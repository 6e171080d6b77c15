package dev.ablation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.anchor.GeneratedAnchors;
import dev.ablation.concept.Concept;
import dev.ablation.concept.Preservation;
import dev.ablation.delta.WeightDelta;
import dev.ablation.model.DiffusionModel;
import dev.ablation.objective.AblationObjective;
import dev.ablation.objective.Teacher;
import dev.ablation.random.RandomStreams;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.testing.TinyDiffusion;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PreservationTest {
  private static final GeneratedAnchors CATS =
      AnchorStrategy.generated("cat", List.of("a photo of a cat", "two cats", "Cat on a sofa"))
          .images(4)
          .sampling(SamplingSettings.defaults().steps(2).batchSize(2));

  private final TinyDiffusion model = TinyDiffusion.open(1);

  @AfterEach
  void close() {
    model.close();
  }

  private Ablation plan() {
    return Ablator.of(model)
        .target("grumpy cat")
        .anchor(CATS)
        .training(t -> t.steps(4).batchSize(4).learningRate(0.02));
  }

  private static float[] key(AblationResult result) {
    return result.delta().get("network.key").toFloatArray();
  }

  @TestFactory
  Stream<DynamicTest> joinsEveryObjective() {
    return Stream.of(
            AblationObjective.modelBased(),
            AblationObjective.modelBased(Teacher.FROZEN_WEIGHTS),
            AblationObjective.noiseBased(),
            AblationObjective.noiseBased().plus(AblationObjective.priorPreservation().times(0.2)),
            AblationObjective.named(
                "own",
                context ->
                    context
                        .predict(context.batch(), context.batch().targetPrompts())
                        .square()
                        .mean()))
        .map(each -> DynamicTest.dynamicTest(each.name(), () -> assertJoins(each)));
  }

  private void assertJoins(AblationObjective objective) {
    Preservation dogs = Preservation.of(Concept.instance("dog")).weight(3);
    try (AblationResult without = plan().objective(objective).run();
        AblationResult with = plan().objective(objective).preserve(dogs).run();
        AblationResult byHand =
            plan()
                .preserve(dogs.weight(1e-30)) // draws the prompts
                .objective(objective.plus(AblationObjective.preservation().times(3)))
                .run()) {
      assertThat(with.provenance().settings())
          .containsEntry("objective", objective.name() + " + 3.0 * preservation");
      assertThat(key(with)).isNotEqualTo(key(without));
      assertThat(with.history().get(0))
          .as("nothing has changed before the first step, so the term is zero")
          .isEqualTo(without.history().get(0));
      assertThat(key(byHand)).isEqualTo(key(with));
    }
  }

  /** The mean squared change of what is predicted for a prompt. */
  private static double change(DiffusionModel model, WeightDelta delta, String prompt) {
    try (NDManager scope = model.manager().newSubManager()) {
      Shape shape = new Shape(8, 3, 4, 6);
      NDArray latents = RandomStreams.gaussian(scope, shape, RandomStreams.stream(5, "latents", 0));
      NDArray timesteps = scope.create(new long[] {5, 15, 25, 35, 45, 55, 65, 75});
      List<String> prompts = Stream.generate(() -> prompt).limit(8).toList();
      NDArray before = model.predict(latents, timesteps, model.encode(prompts, scope));
      NDArray after =
          delta.applied(
              model, () -> model.predict(latents, timesteps, model.encode(prompts, scope)));
      return after.sub(before).square().mean().getFloat();
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 1, 2, 3})
  void whatIsPreservedChangesLess(long seed) {
    Ablation plan =
        plan()
            .objective(AblationObjective.modelBased(Teacher.FROZEN_WEIGHTS))
            .training(t -> t.steps(60))
            .seed(seed);
    try (AblationResult without = plan.run();
        AblationResult with =
            plan.preserve(Preservation.of(Concept.instance("dog")).weight(50)).run();
        AblationResult byPrompts =
            plan.preserve(Preservation.ofPrompts(List.of("a photo of a dog")).weight(50)).run()) {
      double unprotected = change(model, without.delta(), "a photo of a dog");
      assertThat(change(model, with.delta(), "a photo of a dog")).isLessThan(0.5 * unprotected);
      assertThat(change(model, byPrompts.delta(), "a photo of a dog"))
          .isLessThan(0.5 * unprotected);
    }
  }

  @Test
  void theTermIsTheMaskedErrorAgainstTheWeightsBeforeTheRun() {
    Ablation plan = plan().training(t -> t.steps(2));
    try (AblationResult without = plan.run();
        AblationResult with = plan.preserve(Concept.instance("dog")).run()) {
      // After the same first step, the second loss differs by the term alone.
      double term = with.history().get(1).loss() - without.history().get(1).loss();
      assertThat(term).isPositive();
      try (AblationResult twice =
          plan.preserve(Preservation.of(Concept.instance("dog")).weight(2)).run()) {
        double twoTerms = twice.history().get(1).loss() - without.history().get(1).loss();
        assertThat(twoTerms).isCloseTo(2 * term, within(1e-3 * term));
      }
    }
  }

  @Test
  void joinsAccumulatedBatches() {
    Ablation plan = plan().preserve(Concept.instance("dog"), Concept.style("Monet"));
    try (AblationResult whole = plan.run();
        AblationResult inParts = plan.training(t -> t.batchSize(2).accumulation(2)).run()) {
      assertThat(key(inParts)).containsExactly(key(whole), within(1e-4f));
    }
  }

  @Test
  void provenanceTellsWhatIsPreserved() {
    assertThat(
            plan()
                .preserve(
                    Preservation.of(Concept.instance("dog"), Concept.style("Monet"))
                        .prompts(List.of("a boat"))
                        .weight(0.5))
                .settings())
        .containsEntry("preserve.1", "style 'Monet'")
        .containsEntry("preserve.1.target.templates", "diffusers")
        .containsEntry("preserve.2", "instance 'dog'")
        .containsEntry("preserve.prompts", "[a boat]")
        .containsEntry("preserve.weight", "0.5");
    assertThat(plan().settings()).doesNotContainKey("preserve.weight");
  }

  @Test
  void aConceptIsNotBothRemovedAndPreserved() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> plan().preserve(Concept.style("Grumpy Cat")).run())
        .withMessage("instance 'grumpy cat' must not be both removed and preserved");
  }

  @Test
  void aConceptMustFitSomeTargetsAnchorPrompts() {
    GeneratedAnchors paintings = CATS.prompts(List.of("a boat at sea", "a lake"));
    Ablation style =
        Ablator.of(model)
            .target(Concept.style("Monet"))
            .anchor(
                new GeneratedAnchors(
                    "painting", paintings.givenPrompts(), 4, paintings.sampling(), null))
            .training(t -> t.steps(1).batchSize(2))
            .preserve(Concept.instance("dog"));
    assertThatIllegalArgumentException()
        .isThrownBy(style::run)
        .withMessage(
            "instance 'dog' cannot be preserved, since its rule applies to no anchor"
                + " prompt of any target; give prompts of it");
    style.andTarget("grumpy cat").anchor(CATS).run().close();
  }

  @Test
  void somethingIsPreserved() {
    assertThatIllegalArgumentException()
        .isThrownBy(Preservation::of)
        .withMessage("concepts and prompts must not both be empty");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Preservation.of(Concept.instance("dog")).weight(0))
        .withMessage("weight must be positive and finite, was 0.0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Preservation.of(Concept.instance("dog")).weight(Double.NaN))
        .withMessage("weight must be positive and finite, was NaN");
    assertThatNullPointerException()
        .isThrownBy(() -> plan().preserve((Preservation) null))
        .withMessage("preservation");
  }
}
