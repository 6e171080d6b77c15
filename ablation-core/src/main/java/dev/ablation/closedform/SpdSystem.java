package dev.ablation.closedform;

import java.util.Arrays;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;
import org.ejml.dense.row.NormOps_DDRM;
import org.ejml.dense.row.factory.LinearSolverFactory_DDRM;
import org.ejml.interfaces.linsol.LinearSolverDense;

/** A symmetric positive definite system, factorised once by Cholesky's method. */
final class SpdSystem {
  /** Beyond it a solution has fewer than about three correct digits. */
  private static final double MOST_CONDITION = 1e13;

  private static final int MOST_ITERATIONS = 5;

  private final LinearSolverDense<DMatrixRMaj> solver;
  private final int size;

  /**
   * Factorises.
   *
   * @param matrix symmetric; overwritten
   * @param advice what the user can change, for the message
   * @throws IllegalArgumentException if the matrix is not safely positive definite
   */
  SpdSystem(DMatrixRMaj matrix, String advice) {
    size = matrix.numRows;
    double norm = NormOps_DDRM.inducedP1(matrix);
    if (!Double.isFinite(norm)) {
      throw new IllegalArgumentException(
          "the sums over text embeddings must be finite, their 1-norm was " + norm);
    }
    solver = LinearSolverFactory_DDRM.symmPosDef(size);
    if (!solver.setA(matrix)) {
      throw new IllegalArgumentException(
          "the system of %d equations must be positive definite, was not; %s"
              .formatted(size, advice));
    }
    double condition = norm * inverseNorm();
    if (!(condition <= MOST_CONDITION)) {
      throw new IllegalArgumentException(
          "the condition number of the system of %d equations must be at most %.0e, was about %.1e; %s"
              .formatted(size, MOST_CONDITION, condition, advice));
    }
  }

  /** Returns A⁻¹ B. */
  DMatrixRMaj solve(DMatrixRMaj right) {
    DMatrixRMaj result = new DMatrixRMaj(size, right.numCols);
    solver.solve(right.copy(), result);
    return result;
  }

  /** Returns B A⁻¹. */
  DMatrixRMaj solveRight(DMatrixRMaj left) {
    DMatrixRMaj result = new DMatrixRMaj(size, left.numRows);
    solver.solve(CommonOps_DDRM.transpose(left, null), result);
    return CommonOps_DDRM.transpose(result, null);
  }

  /** Estimates |A⁻¹| in the 1-norm from below (Hager 1984; Higham 2002, algorithm 15.1). */
  private double inverseNorm() {
    DMatrixRMaj x = new DMatrixRMaj(size, 1);
    Arrays.fill(x.data, 1.0 / size);
    double estimate = 0;
    for (int iteration = 0; iteration < MOST_ITERATIONS; iteration++) {
      DMatrixRMaj y = solve(x);
      double norm = 0;
      DMatrixRMaj signs = new DMatrixRMaj(size, 1);
      for (int i = 0; i < size; i++) {
        norm += Math.abs(y.data[i]);
        signs.data[i] = y.data[i] < 0 ? -1 : 1;
      }
      if (!(norm > estimate)) {
        return Double.isNaN(norm) ? Double.POSITIVE_INFINITY : estimate;
      }
      estimate = norm;
      DMatrixRMaj z = solve(signs);
      int largest = 0;
      for (int i = 1; i < size; i++) {
        largest = Math.abs(z.data[i]) > Math.abs(z.data[largest]) ? i : largest;
      }
      if (Math.abs(z.data[largest]) <= CommonOps_DDRM.dot(z, x)) {
        return estimate;
      }
      x.zero();
      x.data[largest] = 1;
    }
    return estimate;
  }
}
