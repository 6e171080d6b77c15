package dev.ablation.djl.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.internal.kernel.Kernel;
import java.util.Arrays;
import java.util.Set;

/** Of a weight only some rows are trained. */
final class RowMask {
  private static final Kernel KEEP =
      Kernel.of(
          "(w, base, mask): return torch.copy_(w, torch.where(torch.gt(mask, 0.5), w, base))");

  private final int index;
  private final NDArray base;
  private final NDArray mask;

  /**
   * Creates a mask.
   *
   * @param index of the weight in the session
   * @param base the weight before the session
   * @param rows that are trained
   * @param manager owner of the mask
   */
  RowMask(int index, NDArray base, Set<Integer> rows, NDManager manager) {
    this.index = index;
    this.base = base;
    int count = Math.toIntExact(base.getShape().get(0));
    float[] ones = new float[count];
    for (int row : rows) {
      if (row >= count) {
        throw new IllegalArgumentException(
            "rows to train must be below %d, were %s".formatted(count, rows));
      }
      ones[row] = 1;
    }
    long[] shape = new long[base.getShape().dimension()];
    Arrays.fill(shape, 1);
    shape[0] = count;
    mask = manager.create(ones, new Shape(shape));
  }

  int index() {
    return index;
  }

  /** Sets the gradients of the other rows to zero. */
  void clear(NDArray gradient) {
    gradient.muli(mask);
  }

  /** Puts the other rows back to what they were, to the last bit. */
  void keepOthers(NDArray weight) {
    KEEP.call(weight, base, mask).close();
  }
}
