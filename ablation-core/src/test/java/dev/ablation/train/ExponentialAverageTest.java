package dev.ablation.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ExponentialAverageTest {
  private final NDManager manager = NDManager.newBaseManager("PyTorch");
  private final NDArray weight = manager.create(new float[] {1, 2});

  @AfterEach
  void close() {
    manager.close();
  }

  @ParameterizedTest
  @CsvSource({"0.9, 1", "0.9, 4", "0.2, 1", "0, 2"})
  void followsTheFormula(double decay, int every) {
    double expected = 1;
    try (ExponentialAverage average =
        new ExponentialAverage(new NDList(weight), decay, every, manager)) {
      for (int step = 1; step <= 12; step++) {
        weight.set(new float[] {step * step, 0});
        average.update(step);
        if (step % every == 0) {
          double d = Math.pow(Math.min(decay, (1.0 + step) / (10.0 + step)), every);
          expected = d * expected + (1 - d) * step * step;
        }
        assertThat((double) average.values().get(0).toFloatArray()[0])
            .isCloseTo(expected, within(1e-4 * Math.abs(expected)));
      }
    }
  }

  @Test
  void keepsItsOwnArrays() {
    ExponentialAverage average = new ExponentialAverage(new NDList(weight), 0.5, 1, manager);
    weight.set(new float[] {7, 7});
    assertThat(average.values().get(0).toFloatArray()).containsExactly(1, 2);
    average.close();
    assertThat(weight.toFloatArray()).containsExactly(7, 7);
  }

  /** Whatever was there, also what is no number. */
  @Test
  void restartsFromOtherAverages() {
    ExponentialAverage average = new ExponentialAverage(new NDList(weight), 0, 1, manager);
    weight.set(new float[] {Float.NaN, 7});
    average.update(1);
    NDArray given = manager.create(new float[] {3, 4});
    average.restart(new NDList(given));
    given.set(new float[] {0, 0});
    assertThat(average.values().get(0).toFloatArray()).containsExactly(3, 4);
    weight.set(new float[] {5, 6});
    average.update(2);
    assertThat(average.values().get(0).toFloatArray()).containsExactly(5, 6);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> average.restart(new NDList()))
        .withMessage("averages must be 1, one for each weight, were 0");
  }

  @Test
  void refusesNumbersOutOfRange() {
    NDList weights = new NDList(weight);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new ExponentialAverage(weights, 1, 1, manager))
        .withMessageContaining("decay must be at least 0 and below 1, was 1");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new ExponentialAverage(weights, 0.5, 0, manager))
        .withMessageContaining("every must be positive, was 0");
  }
}
