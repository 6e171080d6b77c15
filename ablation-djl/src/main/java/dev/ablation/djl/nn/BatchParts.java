package dev.ablation.djl.nn;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDScope;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.internal.kernel.Parallel;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;

/** Computes a layer by several threads, each a part of the batch. */
final class BatchParts {
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

  /** {@link Parallel#compute}; a part computes under the view of the caller. */
  static <T> List<T> inParallel(int parts, IntFunction<T> body) {
    WeightView view = WeightView.current();
    return Parallel.compute(parts, part -> WeightView.with(view, () -> body.apply(part)));
  }
}
