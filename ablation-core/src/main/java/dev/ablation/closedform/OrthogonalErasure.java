package dev.ablation.closedform;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import java.util.List;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;
import org.jspecify.annotations.Nullable;

/**
 * Orthogonal concept erasure (OCE, ICML 2026): each weight is rotated, W' = R W with Rᵀ R = I, so
 * that the length of every answer and the angle between any two stay what they were. With E and G
 * orthonormal bases of the answers W c to targets and W g to anchors
 *
 * <pre>
 *   M = -s_e E Eᵀ (I - G Gᵀ) + W (s_c Σ p pᵀ + s_p C + λ I) Wᵀ,   R = argmax tr(Rᵀ M), det R = 1
 * </pre>
 *
 * <p>where C is the mean of p pᵀ over the text embeddings of many general prompts. R is the
 * orthogonal polar factor of M. It depends on W, so that there is no shared factor. The method
 * edits values ({@code to_v}) alone and takes one embedding a concept, that of its last token.
 *
 * <p>Where the polar factor reflects, the published script negates the last column of R, which
 * turns one coordinate of the answers around; here the direction in which M is smallest is turned,
 * which is the maximum above.
 *
 * {@snippet class="dev.ablation.closedform.ClosedFormSnippets" region="orthogonal"}
 *
 * <p>Immutable; every method that changes a setting returns a changed copy.
 *
 * @see PromptEmbeddings#lastTokens the embeddings that the method takes
 */
@CheckReturnValue
public final class OrthogonalErasure {
  private final double eraseScale;
  private final double preserveScale;
  private final double generalScale;
  private final double ridge;

  private OrthogonalErasure(
      double eraseScale, double preserveScale, double generalScale, double ridge) {
    this.eraseScale = eraseScale;
    this.preserveScale = preserveScale;
    this.generalScale = generalScale;
    this.ridge = ridge;
  }

  /** {@return the published settings for styles: s_e 500, s_c 1, s_p 10, λ 10} */
  public static OrthogonalErasure ofStyle() {
    return new OrthogonalErasure(500, 1, 10, 10);
  }

  /** {@return the published settings for objects: s_e 2000, s_c 0, s_p 10, λ 10} */
  public static OrthogonalErasure ofInstance() {
    return new OrthogonalErasure(2000, 0, 10, 10);
  }

  /**
   * Changes the weight of erased concepts.
   *
   * @param scale s_e, positive
   * @return a changed copy
   */
  public OrthogonalErasure eraseScale(double scale) {
    Preconditions.checkArgument(
        scale > 0 && Double.isFinite(scale), "erase scale must be positive, was %s", scale);
    return new OrthogonalErasure(scale, preserveScale, generalScale, ridge);
  }

  /**
   * Changes the weight of preserved concepts.
   *
   * @param scale s_c, not negative
   * @return a changed copy
   */
  public OrthogonalErasure preserveScale(double scale) {
    return new OrthogonalErasure(
        eraseScale, notNegative("preserve scale", scale), generalScale, ridge);
  }

  /**
   * Changes the weight of general prompts.
   *
   * @param scale s_p, not negative
   * @return a changed copy
   */
  public OrthogonalErasure generalScale(double scale) {
    return new OrthogonalErasure(
        eraseScale, preserveScale, notNegative("general scale", scale), ridge);
  }

  /**
   * Changes how much every rotation costs.
   *
   * @param ridge λ, positive
   * @return a changed copy
   */
  public OrthogonalErasure ridge(double ridge) {
    Preconditions.checkArgument(
        ridge > 0 && Double.isFinite(ridge), "ridge must be positive, was %s", ridge);
    return new OrthogonalErasure(eraseScale, preserveScale, generalScale, ridge);
  }

  /** {@return s_e, the weight of erased concepts} */
  public double eraseScale() {
    return eraseScale;
  }

  /** {@return s_c, the weight of preserved concepts} */
  public double preserveScale() {
    return preserveScale;
  }

  /** {@return s_p, the weight of general prompts} */
  public double generalScale() {
    return generalScale;
  }

  /** {@return λ, how much every rotation costs} */
  public double ridge() {
    return ridge;
  }

  /**
   * Prepares the edit without general prompts.
   *
   * @param sums of targets and of preserved concepts
   * @return the edit; applying it finds a rotation for each weight
   * @throws IllegalArgumentException if there is no target or concepts contradict each other
   */
  public PerMatrixEdit edit(EmbeddingSums sums) {
    return prepared(sums, null);
  }

  /**
   * Prepares the edit.
   *
   * @param sums of targets and of preserved concepts
   * @param general preserved rows of many prompts about anything, such as captions at all positions
   * @return the edit; applying it finds a rotation for each weight
   * @throws IllegalArgumentException if there is no target, concepts contradict each other, the
   *     widths differ or there is no general prompt
   */
  public PerMatrixEdit edit(EmbeddingSums sums, EmbeddingSums general) {
    Preconditions.checkArgument(
        general.width() == sums.width(),
        "widths must agree, were %s and %s",
        sums.width(),
        general.width());
    Preconditions.checkArgument(
        general.preservedRows() > 0, "there must be a general prompt, was none");
    return prepared(sums, general);
  }

  private PerMatrixEdit prepared(EmbeddingSums sums, @Nullable EmbeddingSums general) {
    sums.check();
    List<EmbeddingSums.Item> items = sums.items("orthogonal erasure");
    DMatrixRMaj kept = sums.preserved().copy();
    CommonOps_DDRM.scale(preserveScale, kept);
    if (general != null) {
      CommonOps_DDRM.addEquals(kept, generalScale / general.preservedRows(), general.preserved());
    }
    Algebra.addToDiagonal(kept, ridge);
    return new OrthogonalEdit(
        Uce.columns(items.stream().map(EmbeddingSums.Item::targets).toList()),
        Uce.columns(items.stream().map(EmbeddingSums.Item::anchors).toList()),
        kept,
        eraseScale);
  }

  private static double notNegative(String name, double value) {
    Preconditions.checkArgument(
        value >= 0 && Double.isFinite(value), "%s must not be negative, was %s", name, value);
    return value;
  }

  @Override
  public String toString() {
    return "orthogonal erasure (erase scale %s, preserve scale %s, general scale %s, ridge %s)"
        .formatted(eraseScale, preserveScale, generalScale, ridge);
  }
}
