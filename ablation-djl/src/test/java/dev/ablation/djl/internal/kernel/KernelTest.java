package dev.ablation.djl.internal.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
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
  void attentionSplitsHeads() {
    try (NDManager manager = NDManager.newBaseManager("PyTorch")) {
      NDArray q = manager.arange(16f).reshape(1, 2, 8).div(8);
      NDArray v = manager.arange(16f).reshape(1, 2, 8);
      NDArray both = Kernels.attention(2, false).call(q, q, v);
      NDArray first =
          Kernels.attention(1, false).call(q.get(":, :, :4"), q.get(":, :, :4"), v.get(":, :, :4"));
      assertThat(both.get(":, :, :4").sub(first).abs().max().getFloat()).isLessThan(1e-6f);
    }
  }

  @Test
  void copyKeepsTheArrayAndItsMemory() {
    try (NDManager manager = NDManager.newBaseManager("PyTorch")) {
      NDArray to = manager.zeros(new Shape(3));
      NDArray view = to.get("1:");
      Kernels.copy(manager.create(new float[] {1, 2, 3}), to);
      assertThat(view.toFloatArray()).containsExactly(2f, 3f);
    }
  }
}
