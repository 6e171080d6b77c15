package dev.ablation.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AdamWTest {

  @Test
  void followsTheFormulaInDouble() {
    AdamW settings = AdamW.reference();
    Random random = new Random(5);
    int n = 40;
    double[] p = random.doubles(n, -1, 1).toArray();
    double[] m = new double[n];
    double[] v = new double[n];
    try (NDManager manager = NDManager.newBaseManager("PyTorch")) {
      NDArray weight = floats(manager, p);
      NDArray first = manager.zeros(new Shape(n));
      NDArray second = manager.zeros(new Shape(n));
      int before = manager.getManagedArrays().size();
      for (int k = 1; k <= 20; k++) {
        double rate = 0.01 / k;
        // Gradients of many sizes, since epsilon shows at the small ones.
        double[] g = new double[n];
        for (int i = 0; i < n; i++) {
          g[i] = (float) (random.nextGaussian() * Math.pow(10, -i / 4.0));
          p[i] *= 1 - rate * 0.01;
          m[i] = 0.9 * m[i] + (1 - 0.9) * g[i];
          v[i] = 0.999 * v[i] + (1 - 0.999) * g[i] * g[i];
          p[i] -=
              rate
                  * (m[i] / (1 - Math.pow(0.9, k)))
                  / (Math.sqrt(v[i] / (1 - Math.pow(0.999, k))) + 1e-8);
        }
        NDArray gradient = floats(manager, g);
        settings.update(weight, gradient, first, second, rate, k);
        assertThat(gradient.toFloatArray()).isEqualTo(floats(g));
        gradient.close();
      }
      assertThat(weight.toFloatArray()).containsExactly(floats(p), within(2e-6f));
      assertThat(manager.getManagedArrays()).as("intermediate arrays are closed").hasSize(before);
    }
  }

  private static NDArray floats(NDManager manager, double[] values) {
    return manager.create(floats(values));
  }

  private static float[] floats(double[] values) {
    float[] floats = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      floats[i] = (float) values[i];
    }
    return floats;
  }

  @ParameterizedTest
  @CsvSource({
    "1, 0.9, 1e-8, 0, beta1",
    "-0.1, 0.9, 1e-8, 0, beta1",
    "0.9, 1, 1e-8, 0, beta2",
    "0.9, NaN, 1e-8, 0, beta2",
    "0.9, 0.9, 0, 0, epsilon",
    "0.9, 0.9, Infinity, 0, epsilon",
    "0.9, 0.9, 1e-8, -1, weightDecay",
    "0.9, 0.9, 1e-8, NaN, weightDecay"
  })
  void refusesNumbersOutOfRange(double b1, double b2, double eps, double decay, String name) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new AdamW(b1, b2, eps, decay))
        .withMessageStartingWith(name + " must");
  }
}
