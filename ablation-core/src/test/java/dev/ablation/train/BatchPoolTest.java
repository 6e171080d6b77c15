package dev.ablation.train;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import dev.ablation.Ablation;
import dev.ablation.AblationResult;
import dev.ablation.Ablator;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.objective.AblationObjective;
import dev.ablation.objective.Losses;
import dev.ablation.objective.Teacher;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.testing.TinyDiffusion;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Batches that come again, and what a frozen teacher predicts for them. */
class BatchPoolTest {
  private static final GradientTrainer TRAINER =
      GradientTrainer.defaults().steps(7).batchSize(2).accumulation(2).learningRate(0.01);

  private final TinyDiffusion model = TinyDiffusion.open(1);

  @AfterEach
  void close() {
    model.close();
  }

  private List<Double> losses(GradientTrainer trainer, AblationObjective objective) {
    Ablation plan =
        Ablator.of(model)
            .target("zebra")
            .anchor(
                AnchorStrategy.generated("cat", List.of("a photo of a cat", "two cats"))
                    .images(4)
                    .sampling(SamplingSettings.defaults().steps(2).batchSize(4)))
            .objective(objective)
            .trainer(trainer);
    try (AblationResult result = plan.run()) {
      return result.history().stream().map(TrainingResult.Step::loss).toList();
    }
  }

  /** The frozen teacher's predictions, with those that it is asked for. */
  private static AblationObjective remembering(List<NDArray> asked, List<List<Float>> aims) {
    return AblationObjective.named(
        "remembering",
        context -> {
          NDArray aim =
              context.predict(
                  Teacher.FROZEN_WEIGHTS, context.batch(), context.batch().anchorPrompts());
          asked.add(aim);
          List<Float> values = new ArrayList<>();
          for (float value : aim.toFloatArray()) {
            values.add(value);
          }
          aims.add(values);
          return Losses.masked(
              context.predict(context.batch(), context.batch().targetPrompts()),
              aim,
              context.batch().mask());
        });
  }

  @Test
  void aTeacherPredictsOnceForBatchesThatComeAgain() {
    List<NDArray> arrays = new ArrayList<>();
    List<List<Float>> aims = new ArrayList<>();
    losses(TRAINER.batchPool(3), remembering(arrays, aims));
    assertThat(aims).hasSize(14);
    assertThat(new HashSet<>(aims)).as("three steps of two parts").hasSize(6);
    assertThat(aims.subList(6, 12)).isEqualTo(aims.subList(0, 6));
    assertThat(arrays.get(6)).isSameAs(arrays.get(0));
    assertThat(arrays.get(13)).isSameAs(arrays.get(1));
  }

  @Test
  void aPoolOfAllStepsChangesNothing() {
    for (AblationObjective objective :
        List.of(
            AblationObjective.modelBased(Teacher.FROZEN_WEIGHTS)
                .plus(AblationObjective.priorPreservation()),
            AblationObjective.negativeGuidance(2),
            AblationObjective.modelBased())) {
      List<Double> whole = losses(TRAINER, objective);
      assertThat(losses(TRAINER.batchPool(7), objective)).isEqualTo(whole);
      List<Double> pool = losses(TRAINER.batchPool(3), objective);
      assertThat(pool.subList(0, 3)).isEqualTo(whole.subList(0, 3));
      assertThat(pool.subList(3, 7)).isNotEqualTo(whole.subList(3, 7));
    }
    assertThat(TRAINER.batchPool(3).settings()).containsEntry("training.batchPool", "3");
    assertThat(TRAINER.settings()).doesNotContainKey("training.batchPool");
  }
}
