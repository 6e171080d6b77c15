package dev.ablation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.anchor.GeneratedAnchors;
import dev.ablation.event.AblationEvent;
import dev.ablation.event.AblationEvent.EarlyStopped;
import dev.ablation.event.AblationEvent.Measured;
import dev.ablation.event.AblationEvent.StepCompleted;
import dev.ablation.model.AdamW;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.WeightGroup;
import dev.ablation.objective.AblationObjective;
import dev.ablation.objective.Teacher;
import dev.ablation.sample.LatentSampler;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.testing.TinyDiffusion;
import dev.ablation.train.GradientTrainer;
import dev.ablation.train.LearningRateSchedule;
import dev.ablation.train.Measurement;
import dev.ablation.train.MonitorDecision;
import dev.ablation.train.TrainingMonitor;
import dev.ablation.train.TrainingOutcome;
import dev.ablation.train.TrainingProgress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Accumulation, learning-rate schedules, measuring and stopping. */
class TrainingControlTest {
  private static final GeneratedAnchors CATS =
      AnchorStrategy.generated("cat", List.of("a photo of a cat", "two cats", "the cat"))
          .images(5)
          .sampling(SamplingSettings.defaults().steps(2).batchSize(5));

  private final TinyDiffusion model = TinyDiffusion.open(1);
  private final List<AblationEvent> events = new ArrayList<>();
  private final int arrays = model.manager().getManagedArrays().size();

  @AfterEach
  void close() {
    assertThat(model.manager().getManagedArrays()).hasSize(arrays);
    model.close();
  }

  private Ablation plan(UnaryOperator<GradientTrainer> training) {
    return Ablator.of(model)
        .target("grumpy cat")
        .anchor(CATS)
        .training(t -> training.apply(t.steps(8).batchSize(2).learningRate(0.02)))
        .listener(events::add);
  }

  private static Map<String, float[]> values(AblationResult result) {
    Map<String, float[]> values = new TreeMap<>();
    result
        .delta()
        .names()
        .forEach(name -> values.put(name, result.delta().get(name).toFloatArray()));
    return values;
  }

  private static void assertSameBits(AblationResult one, AblationResult two) {
    Map<String, float[]> expected = values(two);
    values(one)
        .forEach((name, values) ->
            assertThat(Arrays.equals(values, expected.get(name))).as(name).isTrue());
    assertThat(one.history()).isEqualTo(two.history());
  }

  private <E extends AblationEvent> List<E> events(Class<E> kind) {
    return events.stream().filter(kind::isInstance).map(kind::cast).toList();
  }

  // Accumulation

  /**
   * The step of AdamW is linear in the gradient where epsilon is large, so it shows the gradient.
   */
  @TestFactory
  Stream<DynamicTest> accumulatedGradientsAreThoseOfTheBigBatch() {
    Random random = new Random(3);
    List<AblationObjective> objectives =
        List.of(
            AblationObjective.modelBased(),
            AblationObjective.modelBased(Teacher.FROZEN_WEIGHTS),
            AblationObjective.noiseBased().plus(AblationObjective.priorPreservation().times(0.4)));
    return IntStream.range(0, 18)
        .mapToObj(i -> {
          AblationObjective objective = objectives.get(i % objectives.size());
          int size = 1 + random.nextInt(4);
          int count = 2 + random.nextInt(4);
          long seed = random.nextLong();
          return dynamicTest(
              "%s: %d x %d, seed %d".formatted(objective.name(), count, size, seed),
              () -> assertSameGradients(objective, size, count, seed));
        });
  }

  private void assertSameGradients(AblationObjective objective, int size, int count, long seed) {
    Ablation plan =
        plan(t -> t.steps(3).learningRate(10).optimizer(new AdamW(0.9, 0.999, 100, 0)))
            .weights(WeightGroup.denoiser().or(WeightGroup.tokenEmbeddings()))
            .objective(objective)
            .seed(seed);
    try (AblationResult small = plan.training(t -> t.batchSize(size).accumulation(count)).run();
        AblationResult big = plan.training(t -> t.batchSize(size * count)).run()) {
      for (int i = 0; i < 3; i++) {
        double loss = big.history().get(i).loss();
        double norm = big.history().get(i).gradientNorm();
        assertThat(small.history().get(i).loss()).isCloseTo(loss, within(1e-5 * loss));
        assertThat(small.history().get(i).gradientNorm()).isCloseTo(norm, within(1e-5 * norm));
      }
      Map<String, float[]> expected = values(big);
      values(small)
          .forEach((name, values) -> {
            float[] other = expected.get(name);
            double largest = 0;
            for (float value : other) {
              largest = Math.max(largest, Math.abs(value));
            }
            assertThat(largest).as(name).isPositive();
            // The difference of two weights is rounded to the weights' precision.
            assertThat(values)
                .as(name)
                .containsExactly(other, within((float) (1e-4 * largest + 1e-6)));
          });
    }
  }

  @Test
  void aStepOfOneBatchIsUnchanged() {
    try (AblationResult plain = plan(t -> t).run();
        AblationResult explicit =
            plan(t -> t.accumulation(1).schedule(LearningRateSchedule.constant())).run()) {
      assertSameBits(explicit, plain);
    }
  }

  // Schedule

  @Test
  void theLearningRateFollowsItsSchedule() {
    LearningRateSchedule cosine = LearningRateSchedule.cosine(2, 0.1);
    plan(t -> t.schedule(cosine)).run().close();
    assertThat(events(StepCompleted.class))
        .extracting(StepCompleted::learningRate)
        .containsExactlyElementsOf(
            IntStream.rangeClosed(1, 8).mapToObj(i -> 0.02 * cosine.factor(i, 8)).toList());
  }

  @Test
  void theScheduleScalesEachStep() {
    LearningRateSchedule first =
        new LearningRateSchedule() {
          @Override
          public double factor(int step, int steps) {
            return step == 1 ? 1 : 0;
          }

          @Override
          public String name() {
            return "first step only";
          }
        };
    try (AblationResult scheduled = plan(t -> t.schedule(first)).run();
        AblationResult once = plan(t -> t.steps(1)).run()) {
      values(once)
          .forEach((name, values) ->
              assertThat(values(scheduled).get(name)).containsExactly(values, within(1e-7f)));
    }
  }

  @Test
  void refusesAScheduleThatIsNoNumber() {
    LearningRateSchedule broken =
        new LearningRateSchedule() {
          @Override
          public double factor(int step, int steps) {
            return step == 3 ? -0.5 : 1;
          }

          @Override
          public String name() {
            return "broken";
          }
        };
    assertThatIllegalStateException()
        .isThrownBy(() -> plan(t -> t.schedule(broken)).run())
        .withMessage(
            "schedule 'broken' must give a finite factor that is not negative, gave -0.5 at step 3");
  }

  // Measuring

  private static double keySize(DiffusionModel of) {
    double sum = 0;
    for (float value : of.weights().get("network.key").toFloatArray()) {
      sum += value * value;
    }
    return sum;
  }

  @Test
  void measuresTheModelAsItIsAtThatStep() {
    List<Double> expected = new ArrayList<>();
    for (int steps : new int[] {3, 6, 8}) {
      try (AblationResult result = plan(t -> t.steps(steps)).run()) {
        expected.add(result.delta().applied(model, () -> keySize(model)));
      }
    }
    events.clear();
    try (AblationResult result =
        plan(t -> t.measure("size", 3, TrainingControlTest::keySize)).run()) {
      assertThat(result.measurements())
          .extracting(Measurement::step)
          .as("every third, and the last")
          .containsExactly(3, 6, 8);
      for (int i = 0; i < 3; i++) {
        assertThat(result.measurements().get(i).value()).isCloseTo(expected.get(i), within(1e-5));
      }
      assertThat(events(Measured.class))
          .containsExactlyElementsOf(
              result.measurements().stream()
                  .map(each -> new Measured(each.step(), each.name(), each.value()))
                  .toList());
      assertThat(result.outcome()).isEqualTo(TrainingOutcome.complete(8));
    }
  }

  @Test
  void measuringDoesNotDisturbTraining() {
    LatentSampler sampler = LatentSampler.of(model).settings(SamplingSettings.defaults().steps(2));
    try (AblationResult plain = plan(t -> t).run();
        AblationResult measured =
            plan(t -> t.measure("drawn", 1, of -> sampler.draw(List.of("a grumpy cat"), 5).size()))
                .run()) {
      assertSameBits(measured, plain);
      assertThat(measured.measurements()).hasSize(8);
    }
  }

  @Test
  void monitorsSeeWhatThoseBeforeThemMeasured() {
    List<String> seen = new ArrayList<>();
    plan(t ->
            t.steps(3)
                .measure("size", 2, of -> 7)
                .monitor(
                    monitor(p -> {
                      seen.add(p.step() + " " + p.latest("size") + p.measured("size").size());
                      return MonitorDecision.goOn();
                    })))
        .run()
        .close();
    assertThat(seen)
        .containsExactly(
            "1 OptionalDouble.empty0", "2 OptionalDouble[7.0]1", "3 OptionalDouble[7.0]2");
  }

  private static TrainingMonitor monitor(Function<TrainingProgress, MonitorDecision> look) {
    return new TrainingMonitor() {
      @Override
      public String name() {
        return "own";
      }

      @Override
      public MonitorDecision onStep(TrainingProgress progress) {
        return look.apply(progress);
      }
    };
  }

  @Test
  void progressTellsWhatTheHistoryTells() {
    List<double[]> seen = new ArrayList<>();
    Ablation plan =
        plan(t ->
            t.monitor(
                monitor(p -> {
                  assertThat(p.steps()).isEqualTo(8);
                  assertThat(p.history()).hasSize(p.step());
                  seen.add(
                      new double[] {
                        p.loss(), p.gradientNorm(), p.meanLoss(3), p.meanGradientNorm(3)
                      });
                  return MonitorDecision.goOn();
                })));
    try (AblationResult result = plan.run()) {
      for (int i = 0; i < 8; i++) {
        assertThat(seen.get(i)[0]).isEqualTo(result.history().get(i).loss());
        assertThat(seen.get(i)[1]).isEqualTo(result.history().get(i).gradientNorm());
      }
      assertThat(seen.get(0)[2]).isEqualTo(seen.get(0)[0]);
      assertThat(seen.get(5)[2])
          .isCloseTo((seen.get(3)[0] + seen.get(4)[0] + seen.get(5)[0]) / 3, within(1e-12));
      assertThat(seen.get(5)[3])
          .isCloseTo((seen.get(3)[1] + seen.get(4)[1] + seen.get(5)[1]) / 3, within(1e-12));
    }
  }

  // Stopping

  @Test
  void stopsWhereTheRuleHolds() {
    try (AblationResult stopped =
            plan(t -> t.stopWhen("five steps were made", p -> p.step() >= 5)).run();
        AblationResult five = plan(t -> t.steps(5)).run()) {
      assertSameBits(stopped, five);
      assertThat(stopped.outcome())
          .isEqualTo(new TrainingOutcome(5, 5, true, "five steps were made"));
      assertThat(stopped.provenance().settings())
          .containsEntry("ending.steps", "5")
          .containsEntry("ending.step", "5")
          .containsEntry("ending.reason", "five steps were made")
          .containsEntry("training.monitors", "stop when five steps were made");
      assertThat(events(EarlyStopped.class))
          .containsExactly(new EarlyStopped(5, 5, "five steps were made"));
    }
  }

  @Test
  void stopsOnAMeasuredValue() {
    try (AblationResult result =
        plan(t ->
                t.measure("size", 2, TrainingControlTest::keySize)
                    .stopWhen("size was measured twice", p -> p.measured("size").size() == 2))
            .run()) {
      assertThat(result.outcome().steps()).isEqualTo(4);
    }
  }

  @Test
  void theFirstReasonIsTold() {
    try (AblationResult result =
        plan(t -> t.stopWhen("first", p -> true).stopWhen("second", p -> true)).run()) {
      assertThat(result.outcome()).isEqualTo(new TrainingOutcome(1, 1, true, "first"));
    }
  }

  @Test
  void endsWithTheBestWeights() {
    // The values of steps 2, 4, 6, 8.
    double[] values = {3, 1, 2, 1};
    UnaryOperator<GradientTrainer> measuring =
        t ->
            t.monitor(
                    monitor(p ->
                        p.step() % 2 == 0
                            ? MonitorDecision.goOn().measured("score", values[p.step() / 2 - 1])
                            : MonitorDecision.goOn()))
                .monitor(TrainingMonitor.keepingLowest("score"));
    try (AblationResult best = plan(measuring).run();
        AblationResult four = plan(t -> t.steps(4)).run();
        AblationResult stopped =
            plan(t -> measuring.apply(t).stopWhen("step 6", p -> p.step() == 6)).run()) {
      Map<String, float[]> expected = values(four);
      values(best).forEach((name, v) -> assertThat(v).as(name).isEqualTo(expected.get(name)));
      values(stopped).forEach((name, v) -> assertThat(v).as(name).isEqualTo(expected.get(name)));
      assertThat(best.outcome()).isEqualTo(new TrainingOutcome(8, 4, false, "all steps were made"));
      assertThat(stopped.outcome()).isEqualTo(new TrainingOutcome(6, 4, true, "step 6"));
      assertThat(best.history()).hasSize(8);
      assertThat(best.provenance().settings()).containsEntry("ending.step", "4");
      assertThat(events(EarlyStopped.class)).containsExactly(new EarlyStopped(6, 4, "step 6"));
    }
  }

  @Test
  void keepsTheHighestToo() {
    try (AblationResult result =
        plan(t ->
                t.monitor(
                        monitor(p ->
                            MonitorDecision.goOn()
                                .measured("score", p.step() == 1 ? Double.NaN : -p.step())))
                    .monitor(TrainingMonitor.keepingHighest("score")))
            .run()) {
      assertThat(result.outcome().step()).as("NaN is never the best").isEqualTo(2);
    }
  }

  @Test
  void aMonitorThatThrowsEndsTheRun() {
    IllegalStateException failure = new IllegalStateException("metric");
    assertThatThrownBy(() ->
            plan(t ->
                    t.measure(
                        "score",
                        3,
                        of -> {
                          throw failure;
                        }))
                .run())
        .isSameAs(failure);
    plan(t -> t).run().close();
  }

  @Test
  void wrongMonitorsAreRefusedAtTheCall() {
    GradientTrainer trainer = GradientTrainer.defaults();
    assertThatIllegalArgumentException()
        .isThrownBy(() -> trainer.measure("score", 0, of -> 0))
        .withMessage("everySteps must be positive, was 0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> MonitorDecision.goOn().stopping(" "))
        .withMessage("stop must not be blank");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Measurement(1, "", 0))
        .withMessage("name must not be blank");
    assertThatIllegalStateException()
        .isThrownBy(
            () -> new TrainingProgress(model, 0, 1, List.of(), List.of(), () -> false).loss())
        .withMessage("no step was made yet");
  }
}
