package dev.ablation.djl.internal.kernel;

import ai.djl.pytorch.jni.JniUtils;
import java.util.function.Supplier;

/**
 * Whether operations of the current thread record gradients. The engine's default differs by
 * thread, so every entry into a network sets the mode it needs and restores the previous one.
 */
public final class GradMode {
  private static final ThreadLocal<Boolean> PREPARED = ThreadLocal.withInitial(() -> false);
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
   * Switches off the graph executor's optimiser, which re-specialises kernels at their first calls
   * and gains nothing for single operations. The engine has one switch per thread.
   */
  static void prepareThread() {
    if (!PREPARED.get()) {
      TorchRuntime.engine(); // loads the native library
      JniUtils.setGraphExecutorOptimize(false);
      PREPARED.set(true);
    }
  }
}
