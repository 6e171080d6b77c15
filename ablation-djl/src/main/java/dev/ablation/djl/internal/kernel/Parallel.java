package dev.ablation.djl.internal.kernel;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.IntFunction;

/**
 * Parts of a computation on several threads. The operations of a small network share the cores of a
 * processor badly; whole passes through it share them well.
 */
public final class Parallel {
  private static final ExecutorService THREADS =
      Executors.newCachedThreadPool(body -> {
        Thread thread = new Thread(body, "batch-part");
        thread.setDaemon(true);
        return thread;
      });

  private Parallel() {}

  /**
   * Calls a body once a part, the first on this thread. All have ended when this returns, whatever
   * happened: native operations cannot be left behind. A part records gradients if the caller does.
   *
   * @param parts positive
   * @param body from the index of the part to its result
   * @param <T> the result
   * @return the results in order
   * @throws RuntimeException what a part threw, the first of them
   * @throws Error what a part threw, the first of them
   */
  public static <T> List<T> compute(int parts, IntFunction<T> body) {
    boolean recording = GradMode.isRecording();
    List<Future<T>> others = new ArrayList<>();
    for (int i = 1; i < parts; i++) {
      int part = i;
      others.add(THREADS.submit(() -> GradMode.with(recording, () -> body.apply(part))));
    }
    List<T> results = new ArrayList<>();
    Throwable failure = null;
    try {
      results.add(body.apply(0));
    } catch (RuntimeException | Error e) {
      failure = e;
    }
    boolean interrupted = false;
    for (Future<T> other : others) {
      while (true) {
        try {
          results.add(other.get());
        } catch (ExecutionException e) {
          failure = failure == null ? e.getCause() : failure;
        } catch (InterruptedException e) {
          interrupted = true;
          continue;
        }
        break;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    if (failure instanceof RuntimeException e) {
      throw e;
    }
    if (failure instanceof Error e) {
      throw e;
    }
    if (failure != null) {
      throw new IllegalStateException(failure);
    }
    return results;
  }
}
