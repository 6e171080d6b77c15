package dev.ablation.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import dev.ablation.Ablation;
import dev.ablation.AblationResult;
import dev.ablation.Ablator;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.checkpoint.Checkpoints;
import dev.ablation.event.AblationEvent;
import dev.ablation.model.WeightGroup;
import dev.ablation.objective.AblationObjective;
import dev.ablation.objective.Losses;
import dev.ablation.objective.ObjectiveContext;
import dev.ablation.objective.Teacher;
import dev.ablation.objective.TrainingBatch;
import dev.ablation.objective.Trajectory;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.testing.TinyDiffusion;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A moving average of the weights as the result, and as a teacher. */
class AverageTest {
  private static final double DECAY = 0.8;

  private final TinyDiffusion model = TinyDiffusion.open(1);
  @TempDir private Path folder;

  @AfterEach
  void close() {
    model.close();
  }

  private Ablation plan() {
    return Ablator.of(model)
        .target("zebra")
        .anchor(
            AnchorStrategy.generated("cat", List.of("a photo of a cat", "two cats"))
                .images(4)
                .sampling(SamplingSettings.defaults().steps(2).batchSize(4)))
        .weights(WeightGroup.crossAttentionKeyValue())
        .training(t -> t.steps(6).batchSize(2).learningRate(0.01));
  }

  private float[] keys() {
    return model.weights().get("network.key").toFloatArray();
  }

  @Test
  void theResultIsTheAverageOfTheWeightsAfterEachStep() {
    List<float[]> weights = new ArrayList<>();
    List<float[]> observed = new ArrayList<>();
    float[] base = keys();
    AblationObjective watching =
        AblationObjective.named(
            "watching",
            context -> {
              weights.add(keys());
              return AblationObjective.modelBased().loss(context);
            });
    Ablation plan =
        plan()
            .objective(watching)
            .training(t ->
                t.average(DECAY)
                    .measure(
                        "observed",
                        1,
                        ofModel -> {
                          observed.add(keys());
                          return 0;
                        }));
    try (AblationResult result = plan.run()) {
      double[] expected = new double[base.length];
      for (int i = 0; i < base.length; i++) {
        expected[i] = base[i];
      }
      // The weights after the last step are not seen; the average after the one before is.
      for (float[] after : weights.subList(1, weights.size())) {
        for (int i = 0; i < expected.length; i++) {
          expected[i] = DECAY * expected[i] + (1 - DECAY) * after[i];
        }
      }
      float[] fifth = observed.get(observed.size() - 2);
      float[] last = observed.get(observed.size() - 1);
      NDArray delta = result.delta().get("network.key");
      for (int i = 0; i < expected.length; i++) {
        assertThat((double) fifth[i]).isCloseTo(expected[i], within(1e-6));
        assertThat(delta.toFloatArray()[i]).isCloseTo(last[i] - base[i], within(1e-6f));
      }
      assertThat(last).isNotEqualTo(fifth);
      assertThat(result.provenance().settings()).containsEntry("training.average", "0.8");
    }
    assertThat(keys()).isEqualTo(base);
  }

  @Test
  void aDecayOfZeroIsTheWeightsThemselves() {
    try (AblationResult plain = plan().run();
        AblationResult averaged = plan().training(t -> t.average(0)).run()) {
      assertThat(averaged.history()).isEqualTo(plain.history());
      float[] values = plain.delta().get("network.value").toFloatArray();
      float[] same = averaged.delta().get("network.value").toFloatArray();
      for (int i = 0; i < values.length; i++) {
        assertThat(same[i]).isCloseTo(values[i], within(1e-6f));
      }
    }
  }

  /** The average predicts for a teacher, and the weights under training come back to the bit. */
  @Test
  void anObjectiveCanAskTheAverage() {
    AblationObjective objective =
        new AblationObjective() {
          @Override
          public NDArray loss(ObjectiveContext context) {
            TrainingBatch batch = context.batch();
            float[] before = keys();
            float[] averaged =
                context
                    .predict(Teacher.AVERAGED_WEIGHTS, batch, batch.targetPrompts())
                    .toFloatArray();
            assertThat(keys()).isEqualTo(before);
            float[] current =
                context
                    .predict(Teacher.CURRENT_WEIGHTS, batch, batch.targetPrompts())
                    .toFloatArray();
            float[] frozen =
                context
                    .predict(Teacher.FROZEN_WEIGHTS, batch, batch.targetPrompts())
                    .toFloatArray();
            seen.add(List.of(averaged, current, frozen));
            NDArray aim = context.predict(Teacher.FROZEN_WEIGHTS, batch, batch.anchorPrompts());
            return Losses.masked(context.predict(batch, batch.targetPrompts()), aim, batch.mask());
          }

          @Override
          public String name() {
            return "asking the average";
          }

          @Override
          public boolean usesAveragedWeights() {
            return true;
          }
        };
    plan().objective(objective).training(t -> t.average(DECAY)).run().close();
    assertThat(seen).hasSize(6);
    assertThat(seen.get(0).get(0)).isEqualTo(seen.get(0).get(1)).isEqualTo(seen.get(0).get(2));
    for (List<float[]> later : seen.subList(1, 6)) {
      assertThat(later.get(0)).isNotEqualTo(later.get(1)).isNotEqualTo(later.get(2));
    }
    assertThatIllegalArgumentException()
        .isThrownBy(() -> plan().objective(objective).run())
        .withMessageContaining(
            "objective 'asking the average' uses averaged weights, but the trainer keeps none");
  }

  private final List<List<float[]>> seen = new ArrayList<>();

  @Test
  void selfDistillationOfThePublishedCode() {
    // @start region="self-distillation"
    Trajectory way = Trajectory.of(8).teacher(Teacher.AVERAGED_WEIGHTS);
    Ablation plan =
        plan()
            .objective(AblationObjective.selfDistillation(way))
            .weights(WeightGroup.crossAttention())
            .training(t -> t.average(0.999));
    // @end
    try (AblationResult result = plan.run();
        AblationResult withBase = plan.objective(AblationObjective.selfDistillation(8)).run()) {
      assertThat(result.history().get(0)).isEqualTo(withBase.history().get(0));
      assertThat(result.history().get(5)).isNotEqualTo(withBase.history().get(5));
      assertThat(result.provenance().settings())
          .containsEntry(
              "objective", "self-distillation(trajectory of 8 steps by the averaged weights)");
    }
  }

  @Test
  void aRunThatWasCutGoesOnWithItsAverage() {
    Ablation plan =
        plan()
            .objective(
                AblationObjective.selfDistillation(
                    Trajectory.of(1).teacher(Teacher.AVERAGED_WEIGHTS)))
            .training(t -> t.average(DECAY));
    String whole;
    try (AblationResult result = plan.run()) {
      whole = result.delta().sha256();
    }
    Ablation kept = plan.checkpoints(Checkpoints.in(folder.resolve("run")).every(2));
    List<Integer> steps = new ArrayList<>();
    assertThatExceptionOfType(CancellationException.class)
        .isThrownBy(() ->
            kept.listener(
                    event -> {
                      if (event instanceof AblationEvent.StepCompleted made) {
                        steps.add(made.step());
                        if (made.step() == 3) {
                          Thread.currentThread().interrupt();
                        }
                      }
                    })
                .run());
    assertThat(Thread.interrupted()).isTrue();
    assertThat(steps).containsExactly(1, 2, 3);
    try (AblationResult result = kept.run()) {
      assertThat(result.delta().sha256()).isEqualTo(whole);
    }
  }

  @Test
  void refusesADecayOutOfRange() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> GradientTrainer.defaults().average(1))
        .withMessage("average must be at least 0 and below 1, was 1.0");
    assertThat(GradientTrainer.defaults().average()).isEmpty();
  }
}
