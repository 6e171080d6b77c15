package dev.ablation.djl.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.List;
import org.junit.jupiter.api.Test;

class KernelTest {

  @Test
  void computesItsSource() {
    try (NDManager manager = NDManager.newBaseManager("PyTorch")) {
      // @start region="kernel"
      Kernel square = Kernel.of("(x): return torch.mul(x, x)");
      NDArray nine = square.call(manager.create(3f));
      // @end region="kernel"
      assertThat(nine.getFloat()).isEqualTo(9f);
      assertThat(nine.getManager()).isSameAs(manager);
    }
  }

  @Test
  void equalSourcesAreOneKernel() {
    assertThat(Kernels.conv2d(2, 1)).isSameAs(Kernels.conv2d(2, 1));
  }

  @Test
  void gradientsFlowThroughAKernelOnlyWhereRecorded() {
    try (NDManager manager = NDManager.newBaseManager("PyTorch")) {
      NDArray weight = manager.create(new float[] {2, 3});
      weight.setRequiresGradient(true);
      NDArray gradient =
          GradMode.with(
              true,
              () -> {
                NDArray loss = Kernels.SILU.call(manager.ones(new Shape(2))).mul(weight).sum();
                return Kernels.GRADIENTS.callWithLists(loss, List.of(weight)).head();
              });
      assertThat(gradient.toFloatArray()).containsExactly(0.7310586f, 0.7310586f);
      assertThat(weight.getName()).isNull();
      NDArray silent = GradMode.with(false, () -> weight.mul(2));
      assertThat(silent.hasGradient()).isFalse();
    }
  }

  @Test
  void everyConstantKernelCompiles() throws IllegalAccessException {
    try (NDManager manager = NDManager.newBaseManager("PyTorch")) {
      for (Field field : Kernels.class.getDeclaredFields()) {
        if (Modifier.isStatic(field.getModifiers()) && field.getType() == Kernel.class) {
          assertThat(field.get(null)).isNotNull();
        }
      }
      NDArray x = manager.arange(16f).reshape(1, 2, 8);
      NDList qkv = new NDList(x, x, x);
      NDArray out = Kernels.attention(2, false).call(qkv.toArray(new NDArray[0]));
      assertThat(out.getShape()).isEqualTo(new Shape(1, 2, 8));
    }
  }
}
