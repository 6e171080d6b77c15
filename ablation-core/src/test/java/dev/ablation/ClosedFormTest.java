package dev.ablation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.checkpoint.CheckpointMismatchException;
import dev.ablation.checkpoint.Checkpoints;
import dev.ablation.concept.Concept;
import dev.ablation.concept.Preservation;
import dev.ablation.error.UnsupportedCapabilityException;
import dev.ablation.event.AblationEvent;
import dev.ablation.event.AblationEvent.AnchorsProgressed;
import dev.ablation.event.AblationEvent.CheckpointSaved;
import dev.ablation.event.AblationEvent.Completed;
import dev.ablation.event.AblationEvent.Resumed;
import dev.ablation.event.AblationEvent.Started;
import dev.ablation.event.AblationEvent.StepCompleted;
import dev.ablation.model.Differentiable;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.LatentCodec;
import dev.ablation.model.LoraTraining;
import dev.ablation.model.WeightGroup;
import dev.ablation.objective.AblationObjective;
import dev.ablation.schedule.TimestepSampling;
import dev.ablation.testing.LeastSquares;
import dev.ablation.testing.TinyDiffusion;
import dev.ablation.train.Trainer;
import dev.ablation.train.TrainerRequirements;
import dev.ablation.train.TrainingOutcome;
import dev.ablation.train.TrainingPair;
import dev.ablation.train.TrainingResult;
import dev.ablation.train.TrainingTask;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A trainer without gradients, anchor images and objective goes the whole way of a run. */
class ClosedFormTest {
  private static final List<String> PROMPTS = List.of("a photo of a cat", "two cats", "the cat");
  private static final String KEY = "network.key";
  private static final String VALUE = "network.value";

  private final TinyDiffusion tiny =
      TinyDiffusion.open(1)
          .without(Differentiable.class)
          .without(LoraTraining.class)
          .without(LatentCodec.class);
  private final int arrays = tiny.manager().getManagedArrays().size();
  private final DiffusionModel model = withoutPrediction(tiny);
  private final List<AblationEvent> events = new ArrayList<>();

  @AfterEach
  void close() {
    assertThat(tiny.manager().getManagedArrays()).hasSize(arrays);
    tiny.close();
  }

  /** The same model, but its network must not be evaluated. */
  private static DiffusionModel withoutPrediction(DiffusionModel model) {
    return (DiffusionModel)
        Proxy.newProxyInstance(
            ClosedFormTest.class.getClassLoader(),
            new Class<?>[] {DiffusionModel.class},
            (proxy, method, arguments) -> {
              if (method.getName().equals("predict")) {
                throw new AssertionError("the network is evaluated");
              }
              try {
                return method.invoke(model, arguments);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }

  private Ablation plan() {
    return Ablator.of(model)
        .target("grumpy cat")
        .anchor(AnchorStrategy.generated("cat", PROMPTS))
        .trainer(new LeastSquares(0.01))
        .listener(events::add);
  }

  private <E extends AblationEvent> List<E> events(Class<E> kind) {
    return events.stream().filter(kind::isInstance).map(kind::cast).toList();
  }

  private static float[] values(AblationResult result, String weight) {
    return result.delta().get(weight).toFloatArray();
  }

  /** How far what a weight makes of some prompts is from what the base weight makes of others. */
  private double distance(List<String> prompts, List<String> aims, NDArray base, NDArray weight) {
    try (NDManager scope = tiny.manager().newSubManager()) {
      NDArray now = LeastSquares.rows(prompts, tiny, scope).matMul(weight);
      NDArray aim = LeastSquares.rows(aims, tiny, scope).matMul(base);
      return Math.sqrt(now.sub(aim).square().sum().getFloat());
    }
  }

  private double distance(List<String> prompts, List<String> aims, AblationResult result) {
    NDArray base = tiny.weights().get(KEY);
    try (NDArray changed = base.add(result.delta().get(KEY))) {
      return distance(prompts, aims, base, changed);
    }
  }

  private static List<String> with(String animal) {
    return List.of("a photo of a " + animal, "the " + animal);
  }

  @Test
  void drawsNothingAndMovesTheTargetToTheAnchor() {
    NDArray base = tiny.weights().get(KEY);
    List<String> targets = with("grumpy cat");
    try (AblationResult result = plan().run()) {
      assertThat(result.delta().names()).containsExactly(KEY, VALUE);
      assertThat(distance(targets, with("cat"), result))
          .isLessThan(0.7 * distance(targets, with("cat"), base, base));
      assertThat(result.history()).isEmpty();
      assertThat(result.outcome()).isEqualTo(TrainingOutcome.withoutSteps());
    }
    assertThat(tiny.weights().boundSha256()).isEmpty();
    assertThat(events(AnchorsProgressed.class)).isEmpty();
    assertThat(events(StepCompleted.class)).isEmpty();
    assertThat(events.get(0)).isEqualTo(new Started(List.of("grumpy cat"), List.of("cat"), 0, 0));
    assertThat(events(Completed.class)).singleElement().extracting(Completed::steps).isEqualTo(0);
  }

  @Test
  void whatIsPreservedMovesLessTheMoreItWeighs() {
    List<String> dogs = with("dog");
    double before = Double.POSITIVE_INFINITY;
    for (double weight : new double[] {0.01, 1, 1000}) {
      Preservation dog = Preservation.of(Concept.instance("dog")).weight(weight);
      try (AblationResult result = plan().preserve(dog).run()) {
        double moved = distance(dogs, dogs, result);
        assertThat(moved).isLessThan(before);
        before = moved;
      }
    }
    assertThat(before).isLessThan(0.1);
  }

  @Test
  void provenanceTellsWhatShapedTheRunAndNothingElse() {
    try (AblationResult result = plan().seed(7).run()) {
      assertThat(result.provenance().settings())
          .containsOnlyKeys(
              "preset",
              "weights",
              "seed",
              "target",
              "target.kind",
              "anchor.name",
              "anchor.prompts",
              "anchor.prompts.sha256",
              "training.method",
              "training.ridge");
      assertThat(result.provenance().targets()).containsExactly("instance 'grumpy cat'");
      assertThat(result.provenance().baseWeightSha256()).containsOnlyKeys(KEY, VALUE);
    }
  }

  @Test
  void theReportTellsOfNoSteps(@TempDir Path folder) throws IOException {
    Path page = folder.resolve("report.html");
    try (AblationResult result = plan().run()) {
      result.report(page);
    }
    assertThat(Files.readString(page))
        .contains("tiny-1, trained to remove instance &#39;grumpy cat&#39;")
        .doesNotContain("<dt>Steps</dt>")
        .contains("<dt>Delta</dt>");
  }

  @Test
  void checkAndEstimate() {
    assertThat(plan().check()).isEmpty();
    Estimate estimate = plan().estimate();
    long numbers = tiny.weights().get(KEY).size() + tiny.weights().get(VALUE).size();
    assertThat(estimate.possible()).isTrue();
    assertThat(estimate.warnings()).isEmpty();
    assertThat(estimate.trained()).isEqualTo(new Estimate.Trained(2, numbers));
    assertThat(estimate.stateBytes()).isEqualTo(4 * numbers);
    assertThat(estimate.anchorImages()).isZero();
    assertThat(estimate.anchorCost().forwardPasses()).isZero();
    assertThat(estimate.steps()).isZero();
    assertThat(estimate.probe()).isEmpty();
    assertThat(estimate.toString())
        .contains("no anchor images and no training steps")
        .contains("memory for training");
  }

  @Test
  void whatItCannotTrainIsAProblem() {
    assertThat(plan().weights(WeightGroup.attention()).check())
        .contains("network.query is neither a key nor a value of cross-attention");
  }

  @Test
  void anObjectiveThatNobodyMinimisesIsAProblem() {
    Ablation plan = plan().objective(AblationObjective.noiseBased());
    assertThat(plan.check())
        .singleElement()
        .asString()
        .startsWith("objective 'noise-based' must not be chosen for a trainer that minimises none");
    assertThatIllegalArgumentException().isThrownBy(plan::run);
    assertThat(plan().timestepSampling(TimestepSampling.uniform()).check())
        .singleElement()
        .asString()
        .startsWith("timestepSampling 'uniform' must not be chosen for a trainer without batches");
  }

  @Test
  void gradientsAreStillRefusedByTheSameModel() {
    Ablation plan = Ablator.of(model).target("grumpy cat").anchor("cat");
    assertThat(plan.check())
        .singleElement()
        .asString()
        .contains("no capability Differentiable, which training needs");
    assertThatThrownBy(plan::run).isInstanceOf(UnsupportedCapabilityException.class);
  }

  @Test
  void anInterruptedRunGoesOnWithTheNextWeight(@TempDir Path folder) {
    Ablation plan = plan().checkpoints(Checkpoints.in(folder).every(1).keep(2));
    Consumer<AblationEvent> interrupt =
        event -> {
          if (event instanceof CheckpointSaved saved && saved.step() == 1) {
            Thread.currentThread().interrupt();
          }
        };
    assertThatThrownBy(() -> plan.listener(interrupt::accept).run())
        .isInstanceOf(CancellationException.class);
    assertThat(Thread.interrupted()).isTrue();
    events.clear();
    try (AblationResult resumed = plan.run();
        AblationResult whole = plan().run()) {
      assertThat(events(Resumed.class)).singleElement().extracting(Resumed::step).isEqualTo(1);
      assertThat(events(CheckpointSaved.class)).hasSize(1);
      for (String weight : List.of(KEY, VALUE)) {
        assertThat(values(resumed, weight)).isEqualTo(values(whole, weight));
      }
    }
    assertThatThrownBy(() -> plan.trainer(new LeastSquares(1)).run())
        .isInstanceOf(CheckpointMismatchException.class)
        .hasMessageContaining("training.ridge");
  }

  @Test
  void severalTargetsAreSolvedTogether() {
    List<TrainingPair> seen = new ArrayList<>();
    Ablation plan =
        plan()
            .andTarget(Concept.style("Monet"))
            .anchor(AnchorStrategy.generated("painting", List.of("a boat", "a lake")))
            .preserve(
                Preservation.of(Concept.instance("dog")).prompts(List.of("a house", "a car")));
    try (AblationResult result = plan.trainer(looking(task -> seen.addAll(task.pairs()))).run()) {
      assertThat(result.provenance().targets())
          .containsExactly("style 'Monet'", "instance 'grumpy cat'");
    }
    TrainingPair monet = seen.get(0);
    TrainingPair cat = seen.get(1);
    assertThat(cat.anchor()).isEqualTo("cat");
    assertThat(cat.anchorPrompts()).isEqualTo(PROMPTS);
    assertThat(cat.prompts().get("two cats")).containsExactly("two grumpy cats");
    assertThat(cat.targetPrompts())
        .containsExactly("a photo of a grumpy cat", "two grumpy cats", "the grumpy cat");
    assertThat(Set.copyOf(cat.preservedPrompts()))
        .containsExactlyInAnyOrder("a photo of a dog", "two dogs", "the dog", "a house", "a car");
    assertThat(monet.prompts().get("a boat"))
        .containsExactlyInAnyOrder("a boat, in the style of Monet", "in Monet's style, a boat");
    assertThat(monet.preservedPrompts()).containsExactlyInAnyOrder("a house", "a car");
    try (AblationResult result = plan.run()) {
      assertThat(Arrays.equals(values(result, KEY), new float[values(result, KEY).length]))
          .isFalse();
    }
  }

  /** A trainer that changes nothing. */
  private static Trainer looking(Consumer<TrainingTask> look) {
    return new Trainer() {
      @Override
      public TrainingResult train(TrainingTask task) {
        look.accept(task);
        return TrainingResult.of(Map.of());
      }

      @Override
      public TrainerRequirements requirements() {
        return TrainerRequirements.prompts();
      }

      @Override
      public Map<String, String> settings() {
        return Map.of();
      }
    };
  }

  @Test
  void whatATrainerDoesNotRequireItDoesNotGet() {
    assertThatIllegalStateException()
        .isThrownBy(() -> plan().trainer(looking(TrainingTask::batches)).run())
        .withMessageContaining("must require anchor images to ask for batches");
    assertThatIllegalStateException()
        .isThrownBy(() -> plan().trainer(looking(TrainingTask::objective)).run())
        .withMessageContaining("must require an objective");
  }
}
