package dev.ablation.closedform;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import java.util.Optional;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;
import org.jspecify.annotations.Nullable;

/**
 * An edit of every weight by one factor: W' = W F. It is stored once for all weights, as F - I or,
 * where an edit has fewer than D / 2 target rows, as two slim matrices whose product is F - I.
 *
 * {@snippet class="dev.ablation.closedform.ClosedFormSnippets" region="factor"}
 */
@CheckReturnValue
public final class SharedFactor implements WeightEdit {
  private final int width;
  private final @Nullable DMatrixRMaj change;
  private final @Nullable DMatrixRMaj left;
  private final @Nullable DMatrixRMaj right;

  private SharedFactor(
      int width,
      @Nullable DMatrixRMaj change,
      @Nullable DMatrixRMaj left,
      @Nullable DMatrixRMaj right) {
    this.width = width;
    this.change = change;
    this.left = left;
    this.right = right;
  }

  /**
   * Takes a factor from elsewhere, such as a file.
   *
   * @param change F - I, shape {@code (D, D)}; stays open
   * @return the edit
   * @throws IllegalArgumentException if the shape differs
   */
  public static SharedFactor of(NDArray change) {
    checkRank2("change", change);
    Preconditions.checkArgument(
        change.getShape().get(0) == change.getShape().get(1),
        "change must be square, had shape %s",
        change.getShape());
    try (NDScope intermediate = new NDScope()) {
      intermediate.suppressNotUsedWarning();
      return dense(Algebra.matrix(Algebra.doubles(change)));
    }
  }

  /**
   * Takes a factor in two parts from elsewhere, F = I + left rightᵀ.
   *
   * @param left shape {@code (D, r)}; stays open
   * @param right shape {@code (D, r)}; stays open
   * @return the edit
   * @throws IllegalArgumentException if a shape differs
   */
  public static SharedFactor of(NDArray left, NDArray right) {
    checkRank2("left", left);
    Preconditions.checkArgument(
        left.getShape().equals(right.getShape()),
        "left and right must have one shape, had %s and %s",
        left.getShape(),
        right.getShape());
    try (NDScope intermediate = new NDScope()) {
      intermediate.suppressNotUsedWarning();
      return lowRank(Algebra.matrix(Algebra.doubles(left)), Algebra.matrix(Algebra.doubles(right)));
    }
  }

  static SharedFactor dense(DMatrixRMaj change) {
    return new SharedFactor(change.numRows, change, null, null);
  }

  static SharedFactor lowRank(DMatrixRMaj left, DMatrixRMaj right) {
    return new SharedFactor(left.numRows, null, left, right);
  }

  @Override
  public int width() {
    return width;
  }

  /**
   * Returns the two slim matrices that the edit is kept in.
   *
   * @param owner of the result
   * @return left and right, each of shape {@code (D, r)}, float64, with F = I + left rightᵀ; empty
   *     if the edit is kept as a square matrix
   */
  public Optional<NDList> lowRank(NDManager owner) {
    return left == null || right == null
        ? Optional.empty()
        : Optional.of(new NDList(Algebra.array(left, owner), Algebra.array(right, owner)));
  }

  /**
   * Returns the change of a unit matrix.
   *
   * @param owner of the result
   * @return F - I, shape {@code (D, D)}, float64
   */
  public NDArray change(NDManager owner) {
    return Algebra.array(change(), owner);
  }

  /**
   * Returns the edit that does this one and then another: W' = W F₁ F₂.
   *
   * @param next edit of the same width
   * @return one edit for both
   * @throws IllegalArgumentException if the widths differ
   */
  public SharedFactor then(SharedFactor next) {
    Preconditions.checkArgument(
        width == next.width, "widths must agree, were %s and %s", width, next.width);
    if (left != null && right != null && next.left != null && next.right != null) {
      if (2 * (left.numCols + next.left.numCols) <= width) {
        DMatrixRMaj inner = CommonOps_DDRM.multTransA(right, next.left, null);
        DMatrixRMaj moved = Algebra.sum(next.left, 1, Algebra.product(left, inner));
        return lowRank(
            CommonOps_DDRM.concatColumns(left, moved, null),
            CommonOps_DDRM.concatColumns(right, next.right, null));
      }
    }
    DMatrixRMaj mine = change();
    DMatrixRMaj theirs = next.change();
    DMatrixRMaj both = Algebra.product(mine, theirs);
    CommonOps_DDRM.addEquals(both, mine);
    CommonOps_DDRM.addEquals(both, theirs);
    return dense(both);
  }

  @Override
  public NDList apply(NDList weights, NDManager scope) {
    try (NDManager factors = scope.newSubManager()) {
      if (left != null && right != null) {
        NDArray near = Algebra.array(left, factors);
        NDArray far = Algebra.array(Algebra.transposed(right), factors);
        return Algebra.edited(
            weights, width, scope, weight -> weight.add(weight.matMul(near).matMul(far)));
      }
      NDArray square = Algebra.array(change(), factors);
      return Algebra.edited(weights, width, scope, weight -> weight.add(weight.matMul(square)));
    }
  }

  /** How many numbers the edit is kept in. */
  long numbers() {
    return left == null ? (long) width * width : 2L * left.getNumElements();
  }

  /** F - I, not to be changed. */
  DMatrixRMaj change() {
    if (change != null) {
      return change;
    }
    DMatrixRMaj product = new DMatrixRMaj(width, width);
    if (left != null && right != null) {
      CommonOps_DDRM.multTransB(left, right, product);
    }
    return product;
  }

  /** F. */
  DMatrixRMaj factor() {
    DMatrixRMaj factor = change().copy();
    Algebra.addToDiagonal(factor, 1);
    return factor;
  }

  private static void checkRank2(String name, NDArray array) {
    Preconditions.checkArgument(
        array.getShape().dimension() == 2,
        "%s must be a matrix, had shape %s",
        name,
        array.getShape());
  }

  @Override
  public String toString() {
    String form = left == null ? "full" : "rank " + left.numCols;
    return "shared factor of width " + width + ", " + form;
  }
}
