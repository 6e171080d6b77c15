package dev.ablation.djl.nn;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDScope;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.internal.kernel.Kernel;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.IntFunction;

/**
 * Computes parts of a batch by several threads. The operations of a small network share the cores
 * of a processor badly; whole passes through it share them well.
 */
final class BatchParts {
  private static final ExecutorService THREADS =
      Executors.newCachedThreadPool(body -> {
        Thread thread = new Thread(body, "batch-part");
        thread.setDaemon(true);
        return thread;
      });

  private BatchParts() {}

  /**
   * Computes a layer without recording gradients.
   *
   * @param layer whose outputs all have the batch as their first axis
   * @param in its inputs, which stay open
   * @param parts at most the size of the batch
   * @return the outputs of the whole batch
   */
  static NDList compute(Layer layer, NDList in, int parts) {
    NDList whole;
    try (NDScope scope = new NDScope()) {
      scope.suppressNotUsedWarning();
      List<NDList> inputs = split(layer, in, parts);
      List<NDList> outputs =
          inParallel(
              parts,
              part -> {
                NDList out = layer.compute(inputs.get(part));
                NDScope.unregister(out);
                return out;
              });
      whole = new NDList();
      for (int i = 0; i < outputs.get(0).size(); i++) {
        whole.add(join(outputs, i));
      }
      outputs.forEach(NDList::close);
      NDScope.unregister(whole);
    }
    whole.forEach(NDScope::register);
    return whole;
  }

  /**
   * Cuts inputs along their first axis; those without a batch are the same in all parts.
   *
   * @return for each part its inputs, detached from the graph
   */
  static List<NDList> split(Layer layer, NDList in, int parts) {
    List<NDList> split = new ArrayList<>();
    for (int part = 0; part < parts; part++) {
      split.add(new NDList());
    }
    for (int i = 0; i < in.size(); i++) {
      NDList pieces = layer.hasBatch(i) ? cut(in.get(i), parts) : null;
      for (int part = 0; part < parts; part++) {
        split.get(part).add(pieces == null ? in.get(i) : pieces.get(part));
      }
    }
    return split;
  }

  /** Views of as many rows each as possible. */
  static NDList cut(NDArray array, int parts) {
    return GradMode.with(
        false,
        () ->
            Kernel.of("(x): return torch.tensor_split(torch.detach(x), %d, 0)".formatted(parts))
                .callAll(array));
  }

  /** Output {@code index} of the whole batch, detached from the graph. */
  static NDArray join(List<NDList> parts, int index) {
    NDList rows = new NDList();
    parts.forEach(part -> rows.add(part.get(index)));
    return GradMode.with(false, () -> NDArrays.concat(rows, 0));
  }

  /**
   * Calls a body once a part, the first on this thread. All have ended when this returns, whatever
   * happened. A part computes under the view of the caller, and records gradients if it does.
   *
   * @param parts positive
   * @param body from the index of the part to its result
   * @param <T> the result
   * @return the results in order
   */
  static <T> List<T> inParallel(int parts, IntFunction<T> body) {
    boolean recording = GradMode.isRecording();
    WeightView view = WeightView.current();
    List<Future<T>> others = new ArrayList<>();
    for (int i = 1; i < parts; i++) {
      int part = i;
      others.add(
          THREADS.submit(
              () -> WeightView.with(view, () -> GradMode.with(recording, () -> body.apply(part)))));
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
          interrupted = true; // native operations cannot be left behind
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
