package dev.ablation.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.within;

import dev.ablation.model.AdamW;
import dev.ablation.model.Differentiable;
import dev.ablation.model.Lora;
import dev.ablation.model.LoraTraining;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class GradientTrainerTest {
  private static final GradientTrainer DEFAULTS = GradientTrainer.defaults();

  private interface Change {
    GradientTrainer make();
  }

  private static Arguments wrong(String message, Change change) {
    return Arguments.of(Named.of(message, change), message);
  }

  static Stream<Arguments> wrongNumbers() {
    return Stream.of(
        wrong("steps must be positive, was 0", () -> DEFAULTS.steps(0)),
        wrong("steps must be positive, was -3", () -> DEFAULTS.steps(-3)),
        wrong("batchSize must be positive, was 0", () -> DEFAULTS.batchSize(0)),
        wrong("accumulation must be positive, was 0", () -> DEFAULTS.accumulation(0)),
        wrong("learningRate must be positive and finite, was 0.0", () -> DEFAULTS.learningRate(0)),
        wrong(
            "learningRate must be positive and finite, was -1.0e-4",
            () -> DEFAULTS.learningRate(-1e-4)),
        wrong(
            "learningRate must be positive and finite, was NaN",
            () -> DEFAULTS.learningRate(Double.NaN)),
        wrong(
            "learningRate must be positive and finite, was Infinity",
            () -> DEFAULTS.learningRate(Double.POSITIVE_INFINITY)),
        wrong("batchPool must be positive, was 0", () -> DEFAULTS.batchPool(0)),
        wrong("maxGradientNorm must be positive, was 0.0", () -> DEFAULTS.maxGradientNorm(0)),
        wrong(
            "maxGradientNorm must be positive, was NaN",
            () -> DEFAULTS.maxGradientNorm(Double.NaN)));
  }

  @ParameterizedTest
  @MethodSource("wrongNumbers")
  void refusesNumbersOutOfRangeAtTheCall(Change change, String message) {
    assertThatIllegalArgumentException()
        .isThrownBy(change::make)
        .satisfies(e -> assertThat(e.getMessage().replace("E-", "e-")).isEqualTo(message));
  }

  @Test
  void refusesNull() {
    assertThatNullPointerException()
        .isThrownBy(() -> DEFAULTS.optimizer(null))
        .withMessage("optimizer");
    assertThatNullPointerException()
        .isThrownBy(() -> DEFAULTS.schedule(null))
        .withMessage("schedule");
  }

  @Test
  void everyMethodChangesOneThing() {
    AdamW other = new AdamW(0.8, 0.9, 1e-6, 0);
    LearningRateSchedule cosine = LearningRateSchedule.cosine(1, 0);
    TrainingMonitor monitor = TrainingMonitor.keepingLowest("loss");
    GradientTrainer changed =
        DEFAULTS
            .steps(7)
            .batchSize(3)
            .accumulation(4)
            .learningRate(0.5)
            .schedule(cosine)
            .maxGradientNorm(Double.POSITIVE_INFINITY)
            .optimizer(other)
            .stopStartToken(false)
            .decayOtherRows(true)
            .monitor(monitor)
            .batchPool(5)
            .lora(Lora.rank(2));
    assertThat(changed.steps()).isEqualTo(7);
    assertThat(changed.batchSize()).isEqualTo(3);
    assertThat(changed.accumulation()).isEqualTo(4);
    assertThat(changed.learningRate()).isEqualTo(0.5);
    assertThat(changed.schedule()).isEqualTo(cosine);
    assertThat(changed.maxGradientNorm()).isInfinite();
    assertThat(changed.optimizer()).isEqualTo(other);
    assertThat(changed.stopStartToken()).isFalse();
    assertThat(changed.decayOtherRows()).isTrue();
    assertThat(changed.monitors()).containsExactly(monitor);
    assertThat(changed.batchPool()).hasValue(5);
    assertThat(changed.lora()).contains(Lora.rank(2));
    assertThat(changed.pairsPerStep()).isEqualTo(12);
    assertThat(DEFAULTS).isEqualTo(GradientTrainer.defaults()).isNotEqualTo(changed);
    assertThat(changed.steps(100).steps(7)).isEqualTo(changed).hasSameHashCodeAs(changed);
  }

  @Test
  void requiresGradientsOrOnlyThoseOfLowRankChanges() {
    assertThat(DEFAULTS.requirements().capabilities()).containsOnlyKeys(Differentiable.class);
    TrainerRequirements lora = DEFAULTS.lora(Lora.rank(2)).requirements();
    assertThat(lora.capabilities()).containsOnlyKeys(LoraTraining.class);
    for (TrainerRequirements each : List.of(DEFAULTS.requirements(), lora)) {
      assertThat(each.anchorImages()).isTrue();
      assertThat(each.objective()).isTrue();
    }
  }

  @Test
  void everythingThatShapesTheTrainingIsASetting() {
    assertThat(DEFAULTS.settings())
        .containsOnlyKeys(
            "training.steps",
            "training.batchSize",
            "training.accumulation",
            "training.learningRate",
            "training.schedule",
            "training.maxGradientNorm",
            "training.optimizer",
            "training.stopStartToken",
            "training.decayOtherRows",
            "training.monitors",
            "training.lora");
    assertThat(
            DEFAULTS
                .schedule(LearningRateSchedule.constantWithWarmUp(3))
                .measure("score", 5, model -> 0)
                .stopWhen("score is 0", progress -> true)
                .monitor(TrainingMonitor.keepingLowest("score"))
                .settings())
        .containsEntry("training.schedule", "constant(warm-up 3)")
        .containsEntry(
            "training.monitors", "score every 5; stop when score is 0; keep lowest score");
  }

  /** What {@code get_cosine_with_hard_restarts_schedule_with_warmup} of diffusers gives. */
  @Test
  void aCosineWithRestartsIsThatOfDiffusers() {
    LearningRateSchedule schedule = LearningRateSchedule.cosineWithRestarts(4, 3);
    double[] expected = {
      0.25, 0.5, 0.75, 1, 1, 0.85355, 0.5, 0.14645, 1, 0.85355, 0.5, 0.14645, 1, 0.85355, 0.5,
      0.14645
    };
    for (int step = 1; step <= 16; step++) {
      assertThat(schedule.factor(step, 16)).isCloseTo(expected[step - 1], within(1e-5));
    }
    assertThat(schedule.name()).isEqualTo("cosine_with_restarts(warm-up 4, 3 cycles)");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> LearningRateSchedule.cosineWithRestarts(0, 0))
        .withMessage("cycles must be positive, was 0");
  }
}
