package dev.ablation.djl.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.golden.Golden;
import dev.ablation.golden.Tensor;
import dev.ablation.golden.Tolerance;
import dev.ablation.random.RandomStreams;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class NormsTest {
  private final NDManager manager = NDManager.newBaseManager(Golden.device(), "PyTorch");

  @AfterEach
  void close() {
    manager.close();
  }

  private NDArray random(String name, long... shape) {
    return RandomStreams.gaussian(manager, new Shape(shape), RandomStreams.stream(1, name, 0));
  }

  @Test
  void rootMeanSquareIsTakenPieceByPiece() {
    RmsNorm norm = new RmsNorm(2, 0.5);
    norm.forEachWeight((name, weight) -> weight.load(manager.create(new float[] {1, 3})));
    NDArray x = manager.create(new float[] {3, 4, -6, 8}, new Shape(1, 4));
    float[] y = GradMode.with(false, () -> norm.apply(x)).toFloatArray();
    double first = Math.sqrt(12.5 + 0.5);
    double second = Math.sqrt(50 + 0.5);
    double[] expected = {3 / first, 3 * 4 / first, -6 / second, 3 * 8 / second};
    for (int i = 0; i < expected.length; i++) {
      assertThat((double) y[i]).isCloseTo(expected[i], within(1e-6));
    }
  }

  @Test
  void modulationIsTheSameWhenSomebodyLooks() {
    PlainLayerNorm norm = new PlainLayerNorm(6, 1e-6);
    NDArray x = random("x", 2, 3, 6);
    NDArray shift = random("shift", 2, 6);
    NDArray scale = random("scale", 2, 6);
    Tensor fused = GradMode.with(false, () -> Tensor.of(norm.modulated(x, shift, scale)));
    boolean[] seen = {false};
    norm.observe(out -> seen[0] = true);
    Tensor separate = GradMode.with(false, () -> Tensor.of(norm.modulated(x, shift, scale)));
    assertThat(seen[0]).isTrue();
    Tolerance.relL2(1e-6).check("modulated", fused, separate);
  }
}
