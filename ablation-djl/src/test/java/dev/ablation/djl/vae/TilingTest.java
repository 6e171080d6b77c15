package dev.ablation.djl.vae;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.internal.kernel.Kernels;
import dev.ablation.golden.Golden;
import dev.ablation.random.RandomStreams;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TilingTest {
  private static final Kernel HALF = Kernel.of("(x): return torch.avg_pool2d(x, [2, 2])");

  /** Tiles of what is computed pixel by pixel fit together without a trace. */
  @ParameterizedTest
  @CsvSource({"9, 9", "8, 16", "20, 8", "21, 33", "12, 12", "13, 14"})
  void tilesFitTogether(int height, int width) {
    try (NDManager manager = NDManager.newBaseManager(Golden.device(), "PyTorch")) {
      NDArray x =
          RandomStreams.gaussian(
              manager, new Shape(2, 3, height, width), RandomStreams.stream(1, "x", 0));
      AtomicInteger calls = new AtomicInteger();
      Tiling up = new Tiling(8, 16);
      assertThat(up.splits(x)).isTrue();
      NDArray large =
          up.apply(
              x,
              part -> {
                calls.incrementAndGet();
                assertThat(part.getShape().get(2)).isLessThanOrEqualTo(8);
                return Kernels.UPSAMPLE_2X.call(part);
              });
      NDArray whole = Kernels.UPSAMPLE_2X.call(x);
      assertThat(large.getShape()).isEqualTo(whole.getShape());
      assertThat(large.sub(whole).abs().max().getFloat()).isLessThan(1e-5f);
      assertThat(calls.get()).isEqualTo((height + 5) / 6 * ((width + 5) / 6));
      NDArray small = new Tiling(16, 8).apply(whole, HALF::call);
      assertThat(small.getShape()).isEqualTo(x.getShape());
      assertThat(small.sub(x).abs().max().getFloat()).isLessThan(1e-5f);
    }
  }
}
