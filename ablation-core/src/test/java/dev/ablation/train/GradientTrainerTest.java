package dev.ablation.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

import dev.ablation.model.AdamW;
import dev.ablation.model.Lora;
import java.util.Optional;
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
  }

  @Test
  void everyMethodChangesOneThing() {
    AdamW other = new AdamW(0.8, 0.9, 1e-6, 0);
    GradientTrainer changed =
        DEFAULTS
            .steps(7)
            .batchSize(3)
            .learningRate(0.5)
            .maxGradientNorm(Double.POSITIVE_INFINITY)
            .optimizer(other)
            .stopStartToken(false)
            .decayOtherRows(true)
            .lora(Lora.rank(2));
    assertThat(changed)
        .isEqualTo(
            new GradientTrainer(
                7,
                3,
                0.5,
                Double.POSITIVE_INFINITY,
                other,
                false,
                true,
                Optional.of(Lora.rank(2))));
    assertThat(DEFAULTS).isEqualTo(GradientTrainer.defaults());
  }

  @Test
  void everythingThatShapesTheTrainingIsASetting() {
    assertThat(DEFAULTS.settings())
        .containsOnlyKeys(
            "training.steps",
            "training.batchSize",
            "training.learningRate",
            "training.maxGradientNorm",
            "training.optimizer",
            "training.stopStartToken",
            "training.decayOtherRows",
            "training.lora")
        .hasSize(GradientTrainer.class.getRecordComponents().length);
  }
}
