package dev.ablation.djl.internal.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.Test;

/** The engine of the JVM. */
class TorchRuntimeTest {
  /** The engine keeps the number by thread, so a pool's threads would go on with an old one. */
  @Test
  void aNewNumberOfThreadsHoldsForThreadsThatHaveAlreadyComputed() throws Exception {
    TorchRuntime.engine();
    int before = TorchRuntime.threads();
    ExecutorService other = Executors.newSingleThreadExecutor();
    try {
      TorchRuntime.useThreads(3);
      assertThat(other.submit(TorchRuntimeTest::threadsOfAPass).get()).isEqualTo(3);
      TorchRuntime.useThreads(1);
      assertThat(other.submit(TorchRuntimeTest::threadsOfAPass).get()).isEqualTo(1);
      assertThat(threadsOfAPass()).isEqualTo(1);
    } finally {
      other.shutdown();
      TorchRuntime.useThreads(before);
    }
  }

  private static int threadsOfAPass() {
    return GradMode.with(
        false,
        () -> {
          try (NDManager manager = NDManager.newBaseManager(null, "PyTorch")) {
            manager.ones(new Shape(64, 64)).matMul(manager.ones(new Shape(64, 64)));
            return TorchRuntime.threads();
          }
        });
  }
}
