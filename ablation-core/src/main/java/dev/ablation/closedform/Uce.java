package dev.ablation.closedform;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import java.util.List;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;

/**
 * Unified concept editing (Gandikota et al., WACV 2024, equation 7): equation (1) of the package on
 * one embedding a concept, that of its last token.
 *
 * {@snippet class="dev.ablation.closedform.ClosedFormSnippets" region="uce"}
 *
 * <p>Immutable; every method that changes a setting returns a changed copy.
 *
 * @see PromptEmbeddings#lastTokens the embeddings that the method takes
 */
@CheckReturnValue
public final class Uce {
  private static final String ADVICE = "a larger ridge or fewer equal concepts help";

  private final double eraseScale;
  private final double preserveScale;
  private final double ridge;

  private Uce(double eraseScale, double preserveScale, double ridge) {
    this.eraseScale = eraseScale;
    this.preserveScale = preserveScale;
    this.ridge = ridge;
  }

  /** {@return the published settings: both scales 1, ridge 0.5} */
  public static Uce defaults() {
    return new Uce(1, 1, 0.5);
  }

  /**
   * Changes the weight of erased concepts.
   *
   * @param scale s_e, positive
   * @return a changed copy
   */
  public Uce eraseScale(double scale) {
    Preconditions.checkArgument(
        scale > 0 && Double.isFinite(scale), "erase scale must be positive, was %s", scale);
    return new Uce(scale, preserveScale, ridge);
  }

  /**
   * Changes the weight of preserved concepts.
   *
   * @param scale s_p, not negative
   * @return a changed copy
   */
  public Uce preserveScale(double scale) {
    Preconditions.checkArgument(
        scale >= 0 && Double.isFinite(scale), "preserve scale must not be negative, was %s", scale);
    return new Uce(eraseScale, scale, ridge);
  }

  /**
   * Changes how much every change of a weight costs.
   *
   * @param ridge λ, positive
   * @return a changed copy
   */
  public Uce ridge(double ridge) {
    Preconditions.checkArgument(
        ridge > 0 && Double.isFinite(ridge), "ridge must be positive, was %s", ridge);
    return new Uce(eraseScale, preserveScale, ridge);
  }

  /** {@return s_e, the weight of erased concepts} */
  public double eraseScale() {
    return eraseScale;
  }

  /** {@return s_p, the weight of preserved concepts} */
  public double preserveScale() {
    return preserveScale;
  }

  /** {@return λ, how much every change of a weight costs} */
  public double ridge() {
    return ridge;
  }

  /**
   * Replaces a target's answer by its anchor's: the technique {@code replace}. The factor is kept
   * in slim matrices if there are at most D / 2 target rows.
   *
   * @param sums of targets and of preserved prompts
   * @return the edit
   * @throws IllegalArgumentException if there is no target, concepts contradict each other or the
   *     system is ill-conditioned
   */
  public SharedFactor replace(EmbeddingSums sums) {
    sums.check();
    SpdSystem system = system(sums);
    if (sums.keptAll() && 2 * sums.targetRows() <= sums.width()) {
      List<EmbeddingSums.Item> items = sums.items("replace");
      DMatrixRMaj targets = columns(items.stream().map(EmbeddingSums.Item::targets).toList());
      DMatrixRMaj anchors = columns(items.stream().map(EmbeddingSums.Item::anchors).toList());
      DMatrixRMaj moves = Algebra.sum(anchors, -1, targets);
      CommonOps_DDRM.scale(eraseScale, moves);
      return SharedFactor.lowRank(moves, system.solve(targets));
    }
    DMatrixRMaj change = system.solveRight(sums.moves());
    CommonOps_DDRM.scale(eraseScale, change);
    return SharedFactor.dense(change);
  }

  /**
   * Takes from the anchor's answer what it has in common with the target's: the technique {@code
   * tensor}. With C and G the embeddings of one target and its anchor, all rows together, the
   * wanted answer is
   *
   * <pre>
   *   W G - ⟨u, W G⟩ u,   u = W C / |W C|
   * </pre>
   *
   * <p>which depends on W, so that there is no shared factor. The factorisation is shared still.
   *
   * @param sums of targets and of preserved prompts, at most 4,096 target rows
   * @return the edit
   * @throws IllegalArgumentException as {@link #replace}, or if there are more target rows
   */
  public PerMatrixEdit tensor(EmbeddingSums sums) {
    sums.check();
    List<EmbeddingSums.Item> items = sums.items("the technique tensor");
    DMatrixRMaj targets = columns(items.stream().map(EmbeddingSums.Item::targets).toList());
    return new TensorEdit(items, targets, system(sums).solve(targets), eraseScale);
  }

  /**
   * Edits a layer with a bias b as the published script for FLUX does: it takes W g + b for the
   * wanted answer and W p + b for the preserved one, so that the bias enters the weight. Use {@link
   * #replace}, which leaves the bias alone, unless the published numbers are wanted.
   *
   * @param sums of targets and of preserved prompts
   * @param weight shape {@code (rows, D)}
   * @param bias shape {@code (rows)}
   * @param scope owner of the result
   * @return the edited weight
   * @throws IllegalArgumentException as {@link #replace}, or if a shape differs
   */
  public NDArray replaceWithBias(
      EmbeddingSums sums, NDArray weight, NDArray bias, NDManager scope) {
    sums.check();
    Preconditions.checkArgument(
        bias.getShape().dimension() == 1 && bias.getShape().get(0) == weight.getShape().get(0),
        "bias must have shape (%s), had %s",
        weight.getShape().get(0),
        bias.getShape());
    DMatrixRMaj total = sums.targetTotal().copy();
    CommonOps_DDRM.scale(eraseScale, total);
    CommonOps_DDRM.addEquals(total, preserveScale, sums.preservedTotal());
    SpdSystem system = system(sums);
    DMatrixRMaj change = system.solveRight(sums.moves());
    CommonOps_DDRM.scale(eraseScale, change);
    try (NDManager factors = scope.newSubManager()) {
      NDArray square = Algebra.array(change, factors);
      NDArray row = Algebra.array(system.solveRight(total), factors);
      return Algebra.edited(
              new NDList(weight),
              sums.width(),
              scope,
              w -> {
                NDArray column = Algebra.doubles(bias).reshape(-1, 1);
                return w.add(w.matMul(square)).add(column.matMul(row));
              })
          .singletonOrThrow();
    }
  }

  /** λ I + s_e Σ c cᵀ + s_p Σ p pᵀ. */
  private SpdSystem system(EmbeddingSums sums) {
    DMatrixRMaj matrix = sums.targets().copy();
    CommonOps_DDRM.scale(eraseScale, matrix);
    CommonOps_DDRM.addEquals(matrix, preserveScale, sums.preserved());
    Algebra.addToDiagonal(matrix, ridge);
    return new SpdSystem(matrix, ADVICE);
  }

  /** Rows of several matrices as the columns of one. */
  static DMatrixRMaj columns(List<DMatrixRMaj> parts) {
    int rows = parts.stream().mapToInt(part -> part.numRows).sum();
    DMatrixRMaj result = new DMatrixRMaj(rows, parts.get(0).numCols);
    int at = 0;
    for (DMatrixRMaj part : parts) {
      CommonOps_DDRM.insert(part, result, at, 0);
      at += part.numRows;
    }
    return Algebra.transposed(result);
  }

  @Override
  public String toString() {
    return "UCE (erase scale %s, preserve scale %s, ridge %s)"
        .formatted(eraseScale, preserveScale, ridge);
  }
}
