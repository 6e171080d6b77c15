package dev.ablation.djl.internal.kernel;

import ai.djl.pytorch.jni.JniUtils;
import java.util.function.Supplier;

/**
 * Whether operations of the current thread record gradients. The engine's default differs by
 * thread, so every entry into a network sets the mode it needs and restores the previous one.
 */
public final class GradMode {
  private static final ThreadLocal<Preparation> PREPARED =
      ThreadLocal.withInitial(Preparation::new);
  private static final ThreadLocal<Boolean> REQUESTED = ThreadLocal.withInitial(() -> false);

  private GradMode() {}

  /**
   * Evaluates {@code body} with gradients recorded or not.
   *
   * @param record whether to record
   * @param body what to evaluate
   * @param <T> its result
   * @return the result
   */
  public static <T> T with(boolean record, Supplier<T> body) {
    prepareThread();
    boolean requestedBefore = REQUESTED.get();
    boolean engineBefore = JniUtils.isGradMode();
    REQUESTED.set(record);
    JniUtils.setGradMode(record);
    try {
      return body.get();
    } finally {
      JniUtils.setGradMode(engineBefore);
      REQUESTED.set(requestedBefore);
    }
  }

  /**
   * Evaluates {@code body} with gradients recorded if it runs inside of {@link #with with(true,
   * ...)}, else without.
   *
   * @param body what to evaluate
   * @param <T> its result
   * @return the result
   */
  public static <T> T asRequested(Supplier<T> body) {
    return with(REQUESTED.get(), body);
  }

  /** {@return whether gradients are recorded, as {@link #with} said} */
  public static boolean isRecording() {
    return REQUESTED.get();
  }

  /**
   * Gives this thread the settings that the engine keeps by thread. The graph executor's optimiser
   * is switched off: it re-specialises kernels at their first calls and gains nothing for single
   * operations. The number of threads is that of {@link TorchRuntime#useThreads}: the engine would
   * go on with the number of the thread's first operation, and results depend on it.
   */
  static void prepareThread() {
    Preparation preparation = PREPARED.get();
    if (!preparation.done) {
      TorchRuntime.engine(); // loads the native library
      JniUtils.setGraphExecutorOptimize(false);
      preparation.done = true;
    }
    int threads = TorchRuntime.requestedThreads();
    if (threads != preparation.threads) {
      JniUtils.setNumThreads(threads);
      preparation.threads = threads;
    }
  }

  /** What a thread has been given. */
  private static final class Preparation {
    private boolean done;
    private int threads;
  }
}
