package dev.ablation.djl.internal.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** The kernels against the formulas of their papers, written out. */
class KernelsTest {
  private static final double TOLERANCE = 1e-5;

  private final NDManager manager =
      NDManager.newBaseManager(Device.fromName(System.getProperty("ablation.device")), "PyTorch");

  @AfterEach
  void close() {
    manager.close();
  }

  private NDArray values(int seed, long... shape) {
    float[] values = new float[(int) new Shape(shape).size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (2 * Math.sin(1.3 * i * i + seed));
    }
    return manager.create(values, new Shape(shape));
  }

  private static NDArray call(Kernel kernel, NDArray... arguments) {
    return GradMode.with(false, () -> kernel.call(arguments));
  }

  private static void assertClose(NDArray actual, double[] expected) {
    float[] values = actual.toFloatArray();
    assertThat(values).hasSize(expected.length);
    for (int i = 0; i < expected.length; i++) {
      assertThat((double) values[i]).as("at %d", i).isCloseTo(expected[i], within(TOLERANCE));
    }
  }

  static Stream<Arguments> activations() {
    return Stream.of(
        activation("silu", Kernels.SILU, x -> x / (1 + Math.exp(-x))),
        activation("quick_gelu", Kernels.QUICK_GELU, x -> x / (1 + Math.exp(-1.702 * x))),
        activation("mish", Kernels.MISH, x -> x * Math.tanh(Math.log1p(Math.exp(x)))),
        activation("relu", Kernels.RELU, x -> Math.max(x, 0)),
        activation("gelu", Kernels.GELU, KernelsTest::gelu));
  }

  private static Arguments activation(String name, Kernel kernel, DoubleUnaryOperator formula) {
    return Arguments.of(name, kernel, formula);
  }

  /** x times the normal distribution, by its series. */
  private static double gelu(double x) {
    double term = x;
    double sum = x;
    for (int k = 1; k < 60; k++) {
      term *= -x * x / (2 * k);
      sum += term / (2 * k + 1);
    }
    return x * (0.5 + sum / Math.sqrt(2 * Math.PI));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("activations")
  void activationIsItsFormula(String name, Kernel kernel, DoubleUnaryOperator formula) {
    NDArray x = values(1, 3, 7);
    double[] expected = new double[21];
    for (int i = 0; i < 21; i++) {
      expected[i] = formula.applyAsDouble(x.toFloatArray()[i]);
    }
    assertClose(call(kernel, x), expected);
  }

  @Test
  void gegluMultipliesTheFirstHalfByGeluOfTheSecond() {
    NDArray x = values(2, 2, 6);
    float[] in = x.toFloatArray();
    double[] expected = new double[6];
    for (int i = 0; i < 6; i++) {
      int row = i / 3;
      expected[i] = in[row * 6 + i % 3] * gelu(in[row * 6 + 3 + i % 3]);
    }
    assertClose(call(Kernels.GEGLU, x), expected);
  }

  @ParameterizedTest
  @CsvSource({"1, 1e-5", "2, 1e-5", "3, 0.1", "6, 1e-6"})
  void groupNormNormalisesEachGroupOfChannels(int groups, double epsilon) {
    NDArray x = values(3, 2, 6, 2, 2);
    NDArray w = values(4, 6);
    NDArray b = values(5, 6);
    float[] in = x.toFloatArray();
    int size = 6 / groups * 4;
    double[] expected = new double[in.length];
    for (int start = 0; start < in.length; start += size) {
      double mean = 0;
      double square = 0;
      for (int i = start; i < start + size; i++) {
        mean += in[i] / (double) size;
        square += (double) in[i] * in[i] / size;
      }
      for (int i = start; i < start + size; i++) {
        int channel = i / 4 % 6;
        expected[i] =
            (in[i] - mean) / Math.sqrt(square - mean * mean + epsilon) * w.toFloatArray()[channel]
                + b.toFloatArray()[channel];
      }
    }
    assertClose(call(Kernels.groupNorm(groups, epsilon), x, w, b), expected);
    for (int i = 0; i < expected.length; i++) {
      expected[i] /= 1 + Math.exp(-expected[i]);
    }
    assertClose(call(Kernels.groupNormSilu(groups, epsilon), x, w, b), expected);
    NDArray recorded =
        GradMode.with(true, () -> Kernels.groupNormSilu(groups, epsilon).call(x, w, b));
    assertClose(recorded, expected);
    assertThat(x.toFloatArray()).as("the input stays").isEqualTo(in);
  }

  @ParameterizedTest
  @CsvSource({"1, false", "2, false", "3, false", "1, true", "3, true"})
  void attentionIsASoftmaxOverTheContextForEachHead(int heads, boolean causal) {
    int n = 4;
    int m = causal ? n : 5;
    int width = 6;
    NDArray q = values(6, 2, n, width);
    NDArray k = values(7, 2, m, width);
    NDArray v = values(8, 2, m, width);
    int d = width / heads;
    double[] expected = new double[2 * n * width];
    for (int batch = 0; batch < 2; batch++) {
      for (int i = 0; i < n; i++) {
        for (int head = 0; head < heads; head++) {
          double[] scores = new double[causal ? i + 1 : m];
          double sum = 0;
          for (int j = 0; j < scores.length; j++) {
            for (int c = head * d; c < (head + 1) * d; c++) {
              scores[j] += (double) q.getFloat(batch, i, c) * k.getFloat(batch, j, c);
            }
            scores[j] = Math.exp(scores[j] / Math.sqrt(d));
            sum += scores[j];
          }
          for (int c = head * d; c < (head + 1) * d; c++) {
            for (int j = 0; j < scores.length; j++) {
              expected[(batch * n + i) * width + c] += scores[j] / sum * v.getFloat(batch, j, c);
            }
          }
        }
      }
    }
    assertClose(call(Kernels.attention(heads, causal), q, k, v), expected);
  }

  @ParameterizedTest
  @CsvSource({"8, true, 0", "8, false, 0", "8, true, 1", "2, false, 0"})
  void timeFeaturesAreSinesAndCosinesOfFallingFrequencies(int width, boolean flip, double shift) {
    int[] times = {0, 1, 20};
    int half = width / 2;
    double[] expected = new double[times.length * width];
    for (int row = 0; row < times.length; row++) {
      for (int i = 0; i < half; i++) {
        double angle = times[row] * Math.pow(10000, -i / (half - shift));
        expected[row * width + i] = flip ? Math.cos(angle) : Math.sin(angle);
        expected[row * width + half + i] = flip ? Math.sin(angle) : Math.cos(angle);
      }
    }
    Kernel features = Kernels.timeFeatures(width, flip, shift);
    assertClose(call(features, manager.create(new long[] {0, 1, 20})), expected);
    assertClose(call(features, manager.create(new float[] {0, 1, 20})), expected);
  }

  @Test
  void upsamplingRepeatsPixels() {
    NDArray x = manager.create(new float[] {1, 2, 3, 4}, new Shape(1, 1, 2, 2));
    double[] twice = {1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4};
    assertClose(call(Kernels.UPSAMPLE_2X, x), twice);
    NDArray like = manager.zeros(new Shape(1, 9, 3, 3));
    assertClose(call(Kernels.UPSAMPLE_LIKE, x, like), new double[] {1, 1, 2, 1, 1, 2, 3, 3, 4});
  }

  @Test
  void tokensAreThePixelsRowByRow() {
    NDArray image = values(9, 2, 3, 2, 4);
    NDArray tokens = call(Kernels.TO_TOKENS, image);
    assertThat(tokens.getShape()).isEqualTo(new Shape(2, 8, 3));
    assertThat(tokens.getFloat(1, 5, 2)).isEqualTo(image.getFloat(1, 2, 1, 1));
    assertThat(call(Kernels.TO_IMAGE, tokens, image)).isEqualTo(image);
  }
}
