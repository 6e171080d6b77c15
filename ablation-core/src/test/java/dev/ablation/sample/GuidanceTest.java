package dev.ablation.sample;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.model.Conditioning;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class GuidanceTest {
  private final NDManager manager = NDManager.newBaseManager();
  private final Conditioning positive = new Conditioning(manager.ones(new Shape(2, 3, 4)));
  private final Conditioning negative = new Conditioning(manager.zeros(new Shape(2, 3, 4)));

  @AfterEach
  void free() {
    manager.close();
  }

  @Test
  void classifierFreeGoesFromNegativeToPositive() {
    Guidance guidance = Guidance.classifierFree(3);
    assertThat(guidance.rows()).isEqualTo(2);
    Conditioning joined = guidance.condition(positive, negative);
    assertThat(joined.textEmbeddings().get("0:2").sum().getFloat()).isZero();
    assertThat(joined.textEmbeddings().get("2:").sum().getFloat()).isEqualTo(24);
    NDArray prediction = manager.create(new float[] {1, 2}, new Shape(2, 1, 1, 1));
    assertThat(guidance.combine(prediction).toFloatArray()).containsExactly(1 + 3 * (2 - 1));
  }

  @Test
  void upToOneThereIsNoGuidance() {
    Guidance guidance = Guidance.classifierFree(1);
    assertThat(guidance.rows()).isEqualTo(1);
    assertThat(guidance.condition(positive, null)).isSameAs(positive);
    NDArray prediction = manager.ones(new Shape(2, 1, 1, 1));
    assertThat(guidance.combine(prediction)).isSameAs(prediction);
    assertThat(Guidance.none().condition(positive, null)).isSameAs(positive);
    assertThat(Guidance.none().usesNegativePrompt()).isFalse();
  }

  @Test
  void rescalingGivesThePositivePredictionsDeviation() {
    NDArray first = manager.randomNormal(new Shape(2, 4, 3, 3)).muli(0.5).addi(2);
    NDArray second = manager.randomNormal(new Shape(2, 4, 3, 3)).addi(1);
    NDArray prediction = first.concat(second, 0);
    NDArray plain = Guidance.classifierFree(7).combine(prediction);
    NDArray whole = Guidance.classifierFree(7).rescale(1).combine(prediction);
    NDArray half = Guidance.classifierFree(7).rescale(0.5).combine(prediction);
    for (int i = 0; i < 2; i++) {
      assertThat(deviation(whole.get(i))).isCloseTo(deviation(second.get(i)), within(1e-5));
      assertThat(deviation(plain.get(i))).isGreaterThan(2 * deviation(whole.get(i)));
    }
    assertThat(half.allClose(plain.add(whole).div(2), 1e-4, 1e-5, false)).isTrue();
  }

  /** Of the sample, as the published code takes it. */
  private static double deviation(NDArray array) {
    float[] values = array.toFloatArray();
    double mean = 0;
    for (float value : values) {
      mean += value / values.length;
    }
    double sum = 0;
    for (float value : values) {
      sum += (value - mean) * (value - mean);
    }
    return Math.sqrt(sum / (values.length - 1));
  }

  @Test
  void embeddedGuidanceIsAnArrayForEveryRow() {
    Conditioning guided = Guidance.embedded(3.5).condition(positive, null);
    assertThat(guided.names()).containsExactly("text", "guidance");
    assertThat(guided.get("guidance").toFloatArray()).containsExactly(3.5f, 3.5f);
    assertThat(Guidance.embedded(3.5).rows()).isEqualTo(1);
  }

  @Test
  void guidancesAreValuesWithNames() {
    assertThat(Guidance.classifierFree(3)).isEqualTo(Guidance.classifierFree(3));
    assertThat(Guidance.embedded(3)).isEqualTo(Guidance.embedded(3)).isNotEqualTo(Guidance.none());
    assertThat(Guidance.classifierFree(3).name()).isEqualTo("classifier-free");
    assertThat(Guidance.classifierFree(3).rescale(0.7).name())
        .isEqualTo("classifier-free(rescale=0.7)");
  }

  @Test
  void refusesNumbersOutOfRange() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Guidance.classifierFree(-1))
        .withMessageContaining("guidanceScale must be finite and not negative, was -1");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Guidance.embedded(Double.NaN))
        .withMessageContaining("scale must be finite and not negative, was NaN");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Guidance.classifierFree(3).rescale(2))
        .withMessageContaining("rescale must be from 0 to 1, was 2");
  }
}
