package dev.ablation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import dev.ablation.anchor.AnchorJudge;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.anchor.GeneratedAnchors;
import dev.ablation.augment.Augmentation;
import dev.ablation.augment.MaskSampling;
import dev.ablation.concept.Concept;
import dev.ablation.concept.ConceptKind;
import dev.ablation.delta.ConceptGate;
import dev.ablation.error.UnsupportedCapabilityException;
import dev.ablation.event.AblationEvent;
import dev.ablation.event.AblationEvent.AnchorsProgressed;
import dev.ablation.event.AblationEvent.Completed;
import dev.ablation.event.AblationEvent.Failed;
import dev.ablation.event.AblationEvent.Started;
import dev.ablation.event.AblationEvent.StepCompleted;
import dev.ablation.event.AblationEvent.Warning;
import dev.ablation.event.AblationListener;
import dev.ablation.model.Differentiable;
import dev.ablation.model.LatentCodec;
import dev.ablation.model.PromptTokenizer;
import dev.ablation.model.WeightGroup;
import dev.ablation.model.WeightInfo;
import dev.ablation.model.WeightRole;
import dev.ablation.objective.AblationObjective;
import dev.ablation.objective.Losses;
import dev.ablation.objective.ObjectiveContext;
import dev.ablation.objective.Teacher;
import dev.ablation.objective.TrainingBatch;
import dev.ablation.provenance.Provenance;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.schedule.TimestepSampling;
import dev.ablation.testing.JavaBuffers;
import dev.ablation.testing.TinyDiffusion;
import dev.ablation.train.Trainer;
import dev.ablation.train.TrainerRequirements;
import dev.ablation.train.TrainingDivergedException;
import dev.ablation.train.TrainingResult;
import dev.ablation.train.TrainingTask;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

class AblationTest {
  private static final GeneratedAnchors CATS =
      AnchorStrategy.generated("cat", List.of("a photo of a cat", "two cats", "Cat on a sofa"))
          .images(4)
          .sampling(SamplingSettings.defaults().steps(2).batchSize(2));

  private final TinyDiffusion model = TinyDiffusion.open(1);
  private final List<AblationEvent> events = new ArrayList<>();
  private Map<String, float[]> before;
  private int arraysBefore;

  @BeforeEach
  void remember() {
    before = weights();
    arraysBefore = model.manager().getManagedArrays().size();
  }

  @AfterEach
  void close() {
    model.close();
  }

  private Ablation plan() {
    return plan(CATS);
  }

  private Ablation plan(AnchorStrategy anchor) {
    return Ablator.of(model)
        .target("grumpy cat")
        .anchor(anchor)
        .training(t -> t.steps(4).batchSize(2).learningRate(0.01))
        .listener(events::add);
  }

  private Map<String, float[]> weights() {
    Map<String, float[]> weights = new LinkedHashMap<>();
    for (WeightInfo info : model.weights().list()) {
      weights.put(info.name(), model.weights().get(info.name()).toFloatArray());
    }
    return weights;
  }

  /** The model holds the bytes of before, nothing is bound, no array is left. */
  private void assertModelUntouched() {
    for (WeightInfo info : model.weights().list()) {
      assertThat(
              Arrays.equals(
                  before.get(info.name()), model.weights().get(info.name()).toFloatArray()))
          .as(info.name())
          .isTrue();
      assertThat(model.weights().isBound(info.name())).as(info.name()).isFalse();
    }
    assertThat(model.manager().getManagedArrays()).hasSize(arraysBefore);
  }

  private static float[] values(AblationResult result, String name) {
    return result.delta().get(name).toFloatArray();
  }

  // Anchors

  private Map<String, String> settings(AnchorStrategy anchor) {
    try (AblationResult result = plan(anchor).run()) {
      assertModelUntouched();
      return result.delta().provenance().settings();
    }
  }

  private List<String> warnings() {
    return events.stream()
        .filter(AblationEvent.Warning.class::isInstance)
        .map(event -> ((AblationEvent.Warning) event).message())
        .toList();
  }

  @Test
  void thePresetSaysHowImagesAreAugmented() {
    assertThat(settings(CATS)).containsEntry("anchor.augmentation", "diffusers");
    assertThat(settings(CATS.augmented(Augmentation.none())))
        .containsEntry("anchor.augmentation", "none");
    assertThat(warnings()).isEmpty();
  }

  @Test
  void aModelThatCannotEncodeDoesWithoutThePresetsAugmentation() {
    model.without(LatentCodec.class);
    settings(CATS);
    assertThat(warnings())
        .containsExactly(
            "anchor images are used without the preset's augmentation 'diffusers', since model 'tiny-1' cannot encode images");
    assertThatThrownBy(() -> settings(CATS.augmented(Augmentation.paper())))
        .isInstanceOf(UnsupportedCapabilityException.class)
        .hasMessageContaining("encoding anchor images");
  }

  @Test
  void aJudgesShareIsWarnedOfAndKept() {
    AnchorJudge judge = AnchorJudge.of("all-seeing", image -> true);
    assertThat(settings(CATS.judgedBy(judge)))
        .containsEntry("anchor.judge", "all-seeing")
        .containsEntry("anchor.showsTarget", "1.0000");
    assertThat(warnings()).singleElement().asString().contains("4 of 4 images show the target");
  }

  @Test
  void theUnconditionalPromptIsAnAnchor() {
    assertThat(
            settings(
                AnchorStrategy.unconditional()
                    .images(4)
                    .sampling(SamplingSettings.defaults().steps(2))))
        .containsEntry("anchor.name", "unconditional");
  }

  // What a run leaves

  @Test
  void leavesTheModelAsItWas() {
    try (AblationResult result = plan().run()) {
      assertModelUntouched();
      assertThat(result.delta().norm()).isPositive();
      assertThat(result.delta().names()).containsExactly("network.key", "network.value");
      assertThat(result.history()).hasSize(4);
      assertThat(result.elapsed()).isPositive();
    }
  }

  @Test
  void theDeltaHasTheGateOfThePlanAndTheChangesOfTheSameTraining() {
    ConceptGate gate = ConceptGate.of("grumpy cat");
    try (AblationResult plain = plan().run();
        AblationResult gated = plan().gatedBy(gate).run()) {
      assertThat(plain.delta().gate()).isEmpty();
      assertThat(gated.delta().gate()).contains(gate);
      assertThat(gated.delta().provenance().settings()).containsEntry("gate", gate.toJson());
      String name = plain.delta().names().iterator().next();
      assertThat(values(gated, name)).isEqualTo(values(plain, name));
    }
    assertModelUntouched();
  }

  @Test
  void leavesTheModelAsItWasWhenTheObjectiveThrows() {
    IllegalStateException failure = new IllegalStateException("objective");
    AtomicInteger calls = new AtomicInteger();
    AblationObjective throwing =
        AblationObjective.named(
            "throwing",
            context -> {
              if (calls.incrementAndGet() == 3) {
                throw failure;
              }
              return AblationObjective.modelBased().loss(context);
            });
    assertThatThrownBy(() -> plan().objective(throwing).run()).isSameAs(failure);
    assertModelUntouched();
    assertThat(events).last().isEqualTo(new Failed(failure));
    plan().run().close();
  }

  @Test
  void leavesTheModelAsItWasWhenTheTrainerThrows() {
    IllegalStateException failure = new IllegalStateException("trainer");
    Trainer throwing =
        new Trainer() {
          @Override
          public TrainingResult train(TrainingTask task) {
            throw failure;
          }

          @Override
          public TrainerRequirements requirements() {
            return TrainerRequirements.gradients();
          }

          @Override
          public Map<String, String> settings() {
            return Map.of();
          }
        };
    assertThatThrownBy(() -> plan().trainer(throwing).run()).isSameAs(failure);
    assertModelUntouched();
  }

  @Test
  void theResultOutlivesTheModel(@TempDir Path folder) throws Exception {
    AblationResult result = plan().run();
    model.close();
    result.delta().save(folder.resolve("delta.safetensors"));
    result.close();
    result.close();
  }

  // Cancelling

  /** Cancels from a listener, which runs inside of the run. */
  private Throwable outcomeOfCancelling(Class<? extends AblationEvent> at, Ablation plan) {
    ExecutorService executor = Executors.newSingleThreadExecutor();
    try {
      AtomicReference<AblationRun> run = new AtomicReference<>();
      AtomicReference<Boolean> started = new AtomicReference<>(false);
      Ablation listening =
          plan.listener(event -> {
            while (!started.get()) {
              Thread.onSpinWait();
            }
            if (at.isInstance(event)) {
              run.get().cancel();
            }
          });
      run.set(listening.start(executor));
      started.set(true);
      return run.get().result().toCompletableFuture().handle((result, error) -> error).join();
    } finally {
      executor.shutdown();
    }
  }

  @Test
  void stopsAfterTheStepInWhichItIsCancelled() {
    Throwable outcome =
        outcomeOfCancelling(StepCompleted.class, plan().training(t -> t.steps(1_000_000)));
    assertThat(outcome)
        .isInstanceOf(CompletionException.class)
        .hasCauseInstanceOf(CancellationException.class);
    assertModelUntouched();
    assertThat(events).filteredOn(StepCompleted.class::isInstance).hasSize(1);
    assertThat(events).last().isInstanceOf(Failed.class);
  }

  @Test
  void stopsWhileItDrawsAnchors() {
    Throwable outcome = outcomeOfCancelling(AnchorsProgressed.class, plan(CATS.images(4000)));
    assertThat(outcome).hasCauseInstanceOf(CancellationException.class);
    assertModelUntouched();
    assertThat(events).filteredOn(AnchorsProgressed.class::isInstance).hasSize(1);
    assertThat(events).noneMatch(StepCompleted.class::isInstance);
  }

  @Test
  void stopsWhenItsThreadIsInterruptedAndKeepsTheFlag() {
    Ablation plan =
        plan()
            .listener(event -> {
              if (event instanceof StepCompleted step && step.step() == 2) {
                Thread.currentThread().interrupt();
              }
            });
    assertThatExceptionOfType(CancellationException.class).isThrownBy(plan::run);
    assertThat(Thread.interrupted()).isTrue();
    assertModelUntouched();
    assertThat(events).filteredOn(StepCompleted.class::isInstance).hasSize(2);
  }

  @Test
  void aRunOnAnExecutorGivesTheSameResult() {
    try (AblationResult here = plan().run();
        AblationResult there = plan().start(Runnable::run).result().toCompletableFuture().join()) {
      assertThat(values(there, "network.key")).isEqualTo(values(here, "network.key"));
    }
  }

  // Determinism

  @Test
  void theSameSeedGivesTheSameBits() {
    try (AblationResult one = plan().seed(5).run();
        AblationResult two = plan().seed(5).run();
        AblationResult other = plan().seed(6).run()) {
      assertThat(values(two, "network.key")).isEqualTo(values(one, "network.key"));
      assertThat(values(two, "network.value")).isEqualTo(values(one, "network.value"));
      assertThat(two.history()).isEqualTo(one.history());
      assertThat(values(other, "network.key")).isNotEqualTo(values(one, "network.key"));
      assertThat(other.history()).isNotEqualTo(one.history());
    }
  }

  @Test
  void cachedAnchorsGiveTheSameBits(@TempDir Path folder) {
    try (AblationResult drawn = plan(CATS.cachedIn(folder)).run();
        AblationResult found = plan(CATS.cachedIn(folder)).run();
        AblationResult uncached = plan().run()) {
      assertThat(values(found, "network.key")).isEqualTo(values(drawn, "network.key"));
      assertThat(values(uncached, "network.key")).isEqualTo(values(drawn, "network.key"));
      assertThat(events)
          .filteredOn(e -> e instanceof AnchorsProgressed progress && progress.fromCache())
          .hasSize(1);
    }
  }

  // Training

  @TestFactory
  Stream<DynamicTest> lossFalls() {
    Map<String, AblationObjective> objectives = new LinkedHashMap<>();
    objectives.put("frozen teacher", AblationObjective.modelBased(Teacher.FROZEN_WEIGHTS));
    objectives.put("paper's teacher", AblationObjective.modelBased());
    return objectives.entrySet().stream()
        .map(
            each -> DynamicTest.dynamicTest(each.getKey(), () -> assertLossFalls(each.getValue())));
  }

  private void assertLossFalls(AblationObjective objective) {
    try (AblationResult result =
        plan()
            .objective(objective)
            .training(t -> t.steps(60).batchSize(4).learningRate(0.02))
            .run()) {
      double first = mean(result, 0);
      double last = mean(result, 50);
      assertThat(last).isLessThan(0.7 * first);
    }
  }

  private static double mean(AblationResult result, int from) {
    return result.history().subList(from, from + 10).stream()
        .mapToDouble(TrainingResult.Step::loss)
        .average()
        .orElseThrow();
  }

  @Test
  void changesTheEmbeddingsOfTheTargetsTokensOnly() {
    List<Integer> ids =
        model.capability(PromptTokenizer.class).orElseThrow().tokens("grumpy cat").ids();
    try (AblationResult result = plan().weights(WeightGroup.tokenEmbeddings()).run()) {
      float[] change = values(result, "text.table");
      int width = TinyDiffusion.TEXT_WIDTH;
      for (int row = 0; row < change.length / width; row++) {
        float[] ofRow = Arrays.copyOfRange(change, row * width, (row + 1) * width);
        if (ids.contains(row)) {
          assertThat(ofRow).as("row %s", row).isNotEqualTo(new float[width]);
        } else {
          assertThat(ofRow).as("row %s", row).isEqualTo(new float[width]);
        }
      }
    }
    assertModelUntouched();
  }

  @Test
  void everyObjectiveRuns() {
    AblationObjective all =
        AblationObjective.noiseBased().plus(AblationObjective.priorPreservation().times(0.2));
    try (AblationResult result = plan().objective(all).run()) {
      assertThat(result.delta().norm()).isPositive();
      assertThat(result.provenance().settings())
          .containsEntry("objective", "noise-based + 0.2 * prior-preservation");
    }
    assertModelUntouched();
  }

  /** On the CPU the backward pass would read numbers from buffers that are freed by then. */
  @TestFactory
  Stream<DynamicTest> gradientsSurviveTheGarbageCollector() {
    AblationObjective clean =
        AblationObjective.named(
            "predicted original",
            context -> {
              TrainingBatch batch = context.batch();
              NDArray prediction = context.predict(batch, batch.targetPrompts());
              return context
                  .schedule()
                  .predictOriginal(
                      context.predictionType(), batch.latents(), prediction, batch.timesteps())
                  .square()
                  .mean();
            });
    return Stream.of(
            AblationObjective.modelBased(),
            AblationObjective.noiseBased(),
            AblationObjective.priorPreservation().times(0.2),
            clean)
        .map(each -> DynamicTest.dynamicTest(each.name(), () -> assertSurvivesGc(each)));
  }

  private void assertSurvivesGc(AblationObjective objective) {
    AblationObjective late =
        new AblationObjective() {
          @Override
          public NDArray loss(ObjectiveContext context) {
            NDArray loss = objective.loss(context);
            JavaBuffers.overwriteFreed();
            return loss;
          }

          @Override
          public String name() {
            return "late";
          }

          @Override
          public boolean usesPriorBatch() {
            return objective.usesPriorBatch();
          }
        };
    Ablation plan = plan().weights(WeightGroup.denoiser().or(WeightGroup.tokenEmbeddings()));
    try (AblationResult expected = plan.objective(objective).run();
        AblationResult result = plan.objective(late).run()) {
      assertThat(result.history()).isEqualTo(expected.history());
      for (String name : expected.delta().names()) {
        assertThat(values(result, name)).as(name).isEqualTo(values(expected, name));
      }
    }
  }

  private AblationObjective brokenAt(int step, float factor) {
    AtomicInteger calls = new AtomicInteger();
    return AblationObjective.named(
        "broken",
        context -> {
          NDArray loss = AblationObjective.modelBased().loss(context);
          return calls.incrementAndGet() == step ? Losses.scaled(loss, factor) : loss;
        });
  }

  @Test
  void divergesWhereTheLossIsNotFinite() {
    assertThatExceptionOfType(TrainingDivergedException.class)
        .isThrownBy(() -> plan().objective(brokenAt(3, Float.NaN)).run())
        .satisfies(e -> {
          assertThat(e.step()).isEqualTo(3);
          assertThat(e.loss()).isNaN();
        })
        .withMessageContaining("step 3")
        .withMessageContaining("0.01");
    assertModelUntouched();
    assertThat(events).filteredOn(StepCompleted.class::isInstance).hasSize(2);
  }

  @Test
  void divergesWhereAGradientIsNotFinite() {
    AblationObjective root =
        AblationObjective.named(
            "root",
            context -> Losses.scaled(AblationObjective.modelBased().loss(context), 0).sqrt());
    assertThatExceptionOfType(TrainingDivergedException.class)
        .isThrownBy(() -> plan().objective(root).run())
        .satisfies(e -> assertThat(e.step()).isEqualTo(1))
        .withMessageContaining("gradient norm NaN");
    assertModelUntouched();
  }

  // Listeners

  @Test
  void listenersHearEverythingInOrder() {
    List<String> heard = new ArrayList<>();
    Ablation plan =
        plan().listener(event -> heard.add("first")).listener(event -> heard.add("second"));
    plan.run().close();
    assertThat(events.get(0)).isEqualTo(new Started(List.of("grumpy cat"), List.of("cat"), 4, 4));
    assertThat(events)
        .extracting(event -> event.getClass().getSimpleName())
        .containsExactly(
            "Started",
            "AnchorsProgressed",
            "AnchorsProgressed",
            "AnchorsProgressed",
            "AnchorsProgressed",
            "StepCompleted",
            "StepCompleted",
            "StepCompleted",
            "StepCompleted",
            "Completed");
    assertThat(events)
        .filteredOn(StepCompleted.class::isInstance)
        .extracting(event -> ((StepCompleted) event).step())
        .isEqualTo(List.of(1, 2, 3, 4));
    assertThat(((Completed) events.get(9)).steps()).isEqualTo(4);
    assertThat(heard).hasSize(20);
    for (int i = 0; i < 20; i++) {
      assertThat(heard.get(i)).isEqualTo(i % 2 == 0 ? "first" : "second");
    }
  }

  @Test
  void aListenerThatThrowsIsSilenced() {
    AtomicInteger calls = new AtomicInteger();
    AblationListener throwing =
        event -> {
          calls.incrementAndGet();
          throw new IllegalStateException("listener");
        };
    plan().listener(throwing).run().close();
    assertThat(calls).hasValue(1);
    assertThat(events).hasSize(10).last().isInstanceOf(Completed.class);
  }

  // One run at a time

  @Test
  void aModelBelongsToOneRun() {
    AtomicReference<Throwable> refused = new AtomicReference<>();
    Ablation second = plan();
    Ablation first =
        plan()
            .listener(event -> {
              if (event instanceof StepCompleted step && step.step() == 2) {
                try {
                  second.run().close();
                } catch (IllegalStateException e) {
                  refused.set(e);
                }
              }
            });
    first.run().close();
    assertThat(refused.get())
        .hasMessage("model 'tiny-1' is used by another run; wait for it or open another copy");
    second.run().close();
    assertModelUntouched();
  }

  @Test
  void aClosedModelIsRefused() {
    model.close();
    assertThatIllegalStateException()
        .isThrownBy(() -> plan().run())
        .withMessage("model 'tiny-1' is closed");
  }

  // The plan

  @Test
  void timestepsAreDrawnAsThePlanSays() {
    List<Double> drawn = new ArrayList<>();
    AblationObjective looking =
        AblationObjective.named(
            "looking",
            context -> {
              for (double time : context.schedule().toTimes(context.batch().timesteps())) {
                drawn.add(time);
              }
              return AblationObjective.modelBased().loss(context);
            });
    Ablation restricted =
        plan().objective(looking).timestepSampling(TimestepSampling.uniform(0.8, 1));
    assertThat(plan().settings()).doesNotContainKey("timestepSampling");
    try (AblationResult result = restricted.run()) {
      assertThat(drawn).isNotEmpty().allMatch(time -> time >= 0.8 * model.schedule().steps());
      assertThat(result.provenance().settings())
          .containsEntry("timestepSampling", "uniform(least=0.8, most=1.0)");
    }
    drawn.clear();
    plan().objective(looking).run().close();
    assertThat(drawn).anyMatch(time -> time < 0.8 * model.schedule().steps());
    assertThat(plan().inpaintingMasks(MaskSampling.shapes()).check())
        .containsExactly(
            "inpaintingMasks 'shapes(whole=0.25)' must only be chosen for training an inpainting"
                + " model");
  }

  @Test
  void aPlanIsImmutable() {
    Ablation plan = plan();
    Map<String, String> settings = plan.settings();
    Ablation other =
        plan.seed(9)
            .weights(WeightGroup.denoiser())
            .objective(AblationObjective.noiseBased())
            .training(t -> t.steps(9))
            .listener(event -> {});
    assertThat(plan.settings()).isEqualTo(settings);
    assertThat(other.settings())
        .containsEntry("seed", "9")
        .containsEntry("weights", "denoiser")
        .containsEntry("objective", "noise-based")
        .containsEntry("training.steps", "9");
  }

  @Test
  void provenanceTellsEverythingThatShapedTheRun() {
    try (AblationResult result = plan().seed(3).run()) {
      Provenance provenance = result.provenance();
      assertThat(provenance.settings()).isEqualTo(plan().seed(3).settings());
      assertThat(provenance.settings())
          .containsKeys(
              "target",
              "target.kind",
              "anchor.name",
              "anchor.prompts.sha256",
              "anchor.sampler",
              "anchor.steps",
              "anchor.guidanceScale",
              "objective",
              "weights",
              "training.steps",
              "training.learningRate",
              "training.optimizer",
              "seed");
      assertThat(provenance.libraryVersion()).isNotBlank().isNotEqualTo("unknown");
      assertThat(provenance.baseName()).isEqualTo("tiny-1");
      assertThat(provenance.baseSha256()).isEqualTo(model.weights().sha256());
      assertThat(provenance.baseWeightSha256())
          .containsOnly(
              Map.entry("network.key", model.weights().sha256("network.key")),
              Map.entry("network.value", model.weights().sha256("network.value")));
      assertThat(provenance.environment()).containsKeys("java", "os", "device");
    }
  }

  @Test
  void anObjectiveOfOnesOwnIsALambdaWithAName() {
    AblationObjective lambda = context -> AblationObjective.modelBased().loss(context);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> plan().objective(lambda))
        .withMessageContaining("must be given a name");
    try (AblationResult result = plan().objective(AblationObjective.named("mine", lambda)).run()) {
      assertThat(result.provenance().settings()).containsEntry("objective", "mine");
    }
  }

  @Test
  void theAnchorIsNotTheTarget() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Ablator.of(model).target("cat").anchor("Cat"))
        .withMessage("anchor must differ from the target, both were 'cat'");
  }

  @Test
  void nothingIsNull() {
    assertThatNullPointerException().isThrownBy(() -> Ablator.of(null)).withMessage("model");
    assertThatNullPointerException()
        .isThrownBy(() -> Ablator.of(model).target((Concept) null))
        .withMessage("target");
    assertThatNullPointerException()
        .isThrownBy(() -> Ablator.of(model).target("cat").anchor((AnchorStrategy) null))
        .withMessage("anchor");
    assertThatNullPointerException().isThrownBy(() -> plan().weights(null)).withMessage("weights");
    assertThatNullPointerException()
        .isThrownBy(() -> plan().objective(null))
        .withMessage("objective");
    assertThatNullPointerException().isThrownBy(() -> plan().trainer(null)).withMessage("trainer");
    assertThatNullPointerException()
        .isThrownBy(() -> plan().listener(null))
        .withMessage("listener");
  }

  @Test
  void onlyAGradientTrainerIsAdjusted() {
    Ablation plan = plan().trainer(new Snippets.Shrink(0.5));
    assertThatIllegalStateException()
        .isThrownBy(() -> plan.training(t -> t.steps(2)))
        .withMessageContaining("Shrink");
  }

  @Test
  void everyProblemIsListedAtOnceBeforeAnyWork() {
    Ablation wrong =
        plan(CATS.prompts(List.of("a cat", "a dog", "a bobcat")))
            .weights(WeightGroup.ofRoles("pixels", WeightRole.SELF_ATTENTION));
    assertThatIllegalArgumentException()
        .isThrownBy(wrong::run)
        .withMessageStartingWith("3 problems with the plan:")
        .withMessageContaining("weight group 'pixels' matches none")
        .withMessageContaining("but 'a dog' does not contain it")
        .withMessageContaining("but 'a bobcat' does not contain it");
    assertThat(events).hasSize(1).first().isInstanceOf(Failed.class);
    assertModelUntouched();
  }

  @Test
  void promptsWithTheSameTokensTeachNothing() {
    Concept punctuation =
        new Concept() {
          @Override
          public String name() {
            return "!";
          }

          @Override
          public ConceptKind kind() {
            return ConceptKind.STYLE;
          }

          @Override
          public String targetPrompt(String prompt, String anchor, RandomGenerator random) {
            return prompt + "!";
          }

          @Override
          public List<String> targetPrompts(String prompt, String anchor) {
            return List.of(prompt + "!");
          }
        };
    assertThatIllegalArgumentException()
        .isThrownBy(() ->
            Ablator.of(model).target(punctuation).anchor(CATS.prompts(List.of("a cat"))).run())
        .withMessage(
            "target prompt 'a cat!' must differ from anchor prompt 'a cat', but the model reads the"
                + " same tokens");
  }

  @Test
  void warnsOfWhatTheModelDoesNotRead() {
    String prompt = "a cat " + "and a fish ".repeat(5) + "on a boat";
    plan(CATS.prompts(List.of(prompt))).run().close();
    assertThat(events)
        .filteredOn(Warning.class::isInstance)
        .extracting(event -> ((Warning) event).message())
        .hasSize(2)
        .satisfiesExactly(
            anchor ->
                assertThat(anchor)
                    .startsWith("anchor prompt 'a cat and")
                    .endsWith("it does not read 'and a fish on a boat'"),
            target ->
                assertThat(target)
                    .startsWith("target prompt 'a grumpy cat and")
                    .endsWith("it does not read 'fish and a fish on a boat'"));
    assertThat(events.get(0)).isInstanceOf(Warning.class);
  }

  @Test
  void aModelThatCannotTrainIsRefusedBeforeAnyWork() {
    model.without(Differentiable.class);
    assertThatExceptionOfType(UnsupportedCapabilityException.class)
        .isThrownBy(() -> plan().run())
        .satisfies(e -> {
          assertThat(e.model()).isEqualTo("tiny-1");
          assertThat(e.capability()).isEqualTo("Differentiable");
        });
    assertThat(events).hasSize(1).first().isInstanceOf(Failed.class);
  }

  @Test
  void aModelWithoutATokenizerIsAblatedUnchecked() {
    model.without(PromptTokenizer.class);
    plan().run().close();
    assertModelUntouched();
  }
}
