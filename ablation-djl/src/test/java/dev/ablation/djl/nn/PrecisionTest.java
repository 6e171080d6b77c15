package dev.ablation.djl.nn;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.internal.kernel.Kernels;
import dev.ablation.random.RandomStreams;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

class PrecisionTest {
  private static final double RELATIVE = 0.02;

  private final NDManager manager = NDManager.newBaseManager("PyTorch");

  @AfterEach
  void close() {
    manager.close();
  }

  private NDArray gaussian(String purpose, long... shape) {
    return RandomStreams.gaussian(manager, new Shape(shape), RandomStreams.stream(2, purpose, 0));
  }

  private static void assertClose(NDArray narrow, NDArray full) {
    assertThat(narrow.getDataType()).isEqualTo(DataType.FLOAT32);
    assertThat(narrow.getShape()).isEqualTo(full.getShape());
    float difference = narrow.sub(full).abs().max().getFloat();
    assertThat(difference).isPositive();
    assertThat((double) difference).isLessThan(RELATIVE * full.abs().max().getFloat());
  }

  @TestFactory
  Stream<DynamicTest> productsInBfloat16AreCloseAndComeBackAsFloat32() {
    NDArray image = gaussian("image", 2, 8, 6, 6);
    NDArray tokens = gaussian("tokens", 2, 5, 8);
    return Stream.of(
        DynamicTest.dynamicTest("convolution", () -> compare(new Conv2d(8, 4, 3), image)),
        DynamicTest.dynamicTest("strided", () -> compare(new Conv2d(8, 4, 3, 2, 1), image)),
        DynamicTest.dynamicTest("linear", () -> compare(new Linear(8, 4), tokens)),
        DynamicTest.dynamicTest(
            "linear without bias", () -> compare(new Linear(8, 4, false), tokens)));
  }

  private void compare(Layer layer, NDArray input) {
    RandomWeights.load(layer, 1, manager);
    NDArray full = layer.apply(input);
    layer.setPrecision(Precision.BF16_MATMUL);
    assertClose(layer.apply(input), full);
    layer.setPrecision(Precision.FLOAT32);
    assertThat(layer.apply(input).toFloatArray()).isEqualTo(full.toFloatArray());
  }

  @Test
  void attentionInBfloat16IsClose() {
    NDArray q = gaussian("q", 2, 5, 12);
    NDArray k = gaussian("k", 2, 7, 12);
    NDArray v = gaussian("v", 2, 7, 12);
    assertClose(
        Kernels.attentionInBfloat16(3, 4).call(q, k, v), Kernels.attention(3, false).call(q, k, v));
  }
}
