package dev.ablation.closedform;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.List;
import org.ejml.data.DMatrixRMaj;

/**
 * UCE's technique {@code tensor}. With v = W g - α W c and α = ⟨W C, W G⟩ / |W C|² of each target:
 *
 * <pre>
 *   W' = W + s_e Σ W (g - (1 + α) c) cᵀ A⁻¹
 * </pre>
 */
final class TensorEdit implements PerMatrixEdit {
  private final List<EmbeddingSums.Item> items;
  private final DMatrixRMaj targets;
  private final DMatrixRMaj solved;
  private final double eraseScale;

  /**
   * Creates the edit.
   *
   * @param items rows of each target and its anchor
   * @param targets all target rows as columns
   * @param solved A⁻¹ times these columns
   * @param eraseScale s_e
   */
  TensorEdit(
      List<EmbeddingSums.Item> items, DMatrixRMaj targets, DMatrixRMaj solved, double eraseScale) {
    this.items = List.copyOf(items);
    this.targets = targets;
    this.solved = solved;
    this.eraseScale = eraseScale;
  }

  @Override
  public int width() {
    return targets.numRows;
  }

  @Override
  public NDList apply(NDList weights, NDManager scope) {
    try (NDManager factors = scope.newSubManager()) {
      List<NDArray> c = new ArrayList<>();
      List<NDArray> g = new ArrayList<>();
      for (EmbeddingSums.Item item : items) {
        c.add(Algebra.array(Algebra.transposed(item.targets()), factors));
        g.add(Algebra.array(Algebra.transposed(item.anchors()), factors));
      }
      NDArray far = Algebra.array(Algebra.transposed(solved), factors).mul(eraseScale);
      return Algebra.edited(
          weights,
          width(),
          scope,
          weight -> {
            NDList moves = new NDList();
            for (int i = 0; i < c.size(); i++) {
              moves.add(move(weight.matMul(c.get(i)), weight.matMul(g.get(i))));
            }
            return weight.add(ai.djl.ndarray.NDArrays.concat(moves, 1).matMul(far));
          });
    }
  }

  /** W (g - (1 + α) c). A target that W maps to zero has nothing in common with the anchor. */
  private static NDArray move(NDArray target, NDArray anchor) {
    double square = target.square().sum().getDouble();
    double common = square > 0 ? target.mul(anchor).sum().getDouble() / square : 0;
    return anchor.sub(target.mul(1 + common));
  }
}
