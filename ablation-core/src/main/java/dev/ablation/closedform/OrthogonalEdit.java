package dev.ablation.closedform;

import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.Shape;
import java.util.Arrays;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;
import org.ejml.dense.row.factory.DecompositionFactory_DDRM;
import org.ejml.interfaces.decomposition.QRDecomposition;

/** The rotation of {@link OrthogonalErasure}, found for each weight. */
final class OrthogonalEdit implements PerMatrixEdit {
  private static final int MOST_ITERATIONS = 40;
  private static final int POWER_ITERATIONS = 100;

  /** Newton's method converges quadratically: after such a step the error is below rounding. */
  private static final double LAST_STEP = 1e-9;

  /** A shorter rest of a column is in the span of the columns before it. */
  private static final double DEPENDENT = 1e-7;

  private final DMatrixRMaj targets;
  private final DMatrixRMaj anchors;
  private final DMatrixRMaj kept;
  private final double eraseScale;

  /**
   * Creates the edit.
   *
   * @param targets target rows as columns
   * @param anchors anchor rows as columns
   * @param kept s_c Σ p pᵀ + s_p C + λ I
   * @param eraseScale s_e
   */
  OrthogonalEdit(DMatrixRMaj targets, DMatrixRMaj anchors, DMatrixRMaj kept, double eraseScale) {
    this.targets = targets;
    this.anchors = anchors;
    this.kept = kept;
    this.eraseScale = eraseScale;
  }

  @Override
  public int width() {
    return targets.numRows;
  }

  @Override
  public NDList apply(NDList weights, NDManager scope) {
    return Algebra.edited(weights, width(), scope, weight -> rotated(weight, scope));
  }

  /**
   * Rotates. A weight with more rows than columns is Q times a square one, and what is outside of
   * Q's columns does not bear on R W.
   */
  private NDArray rotated(NDArray weight, NDManager owner) {
    if (weight.getShape().get(0) <= width()) {
      return rotation(weight, owner).matMul(weight);
    }
    DMatrixRMaj matrix = Algebra.matrix(weight);
    QRDecomposition<DMatrixRMaj> qr = DecompositionFactory_DDRM.qr(matrix.numRows, matrix.numCols);
    if (!qr.decompose(matrix)) {
      throw illConditioned();
    }
    NDArray square = Algebra.array(qr.getR(null, true), owner);
    NDArray basis = Algebra.array(qr.getQ(null, true), owner);
    return basis.matMul(rotation(square, owner).matMul(square));
  }

  private NDArray rotation(NDArray weight, NDManager owner) {
    NDArray erased = basis(weight.matMul(Algebra.array(targets, owner)), owner);
    NDArray guides = basis(weight.matMul(Algebra.array(anchors, owner)), owner);
    NDArray inGuides = erased.transpose().matMul(guides).matMul(guides.transpose());
    NDArray erase = erased.matMul(erased.transpose().sub(inGuides)).mul(eraseScale);
    NDArray keep = weight.matMul(Algebra.array(kept, owner)).matMul(weight.transpose());
    NDArray wanted = keep.sub(erase);
    NDArray polar = polar(wanted);
    if (CommonOps_DDRM.det(Algebra.matrix(polar)) > 0) {
      return polar;
    }
    NDArray least = leastDirection(wanted, owner);
    return polar.sub(polar.matMul(least).matMul(least.transpose()).mul(2));
  }

  /** Returns the orthogonal polar factor by Newton's method with scaling (Higham 1986). */
  private static NDArray polar(NDArray matrix) {
    double size = Math.sqrt((double) matrix.getShape().get(0));
    NDArray current = matrix;
    for (int iteration = 0; iteration < MOST_ITERATIONS; iteration++) {
      double step;
      try (NDScope intermediate = new NDScope()) {
        intermediate.suppressNotUsedWarning();
        NDArray inverse = inverse(current);
        double scale = Math.pow(norms(inverse) / norms(current), 0.25);
        NDArray next = current.mul(scale / 2).add(inverse.transpose().mul(1 / (2 * scale)));
        step = next.sub(current).norm().getDouble() / size;
        NDScope.unregister(next);
        current = next;
      }
      NDScope.register(current);
      if (!Double.isFinite(step)) {
        throw illConditioned();
      }
      if (step < LAST_STEP) {
        return current;
      }
    }
    throw illConditioned();
  }

  /** The 1-norm times the maximum norm. */
  private static double norms(NDArray matrix) {
    NDArray sizes = matrix.abs();
    return sizes.sum(new int[] {0}).max().getDouble() * sizes.sum(new int[] {1}).max().getDouble();
  }

  /** Returns the right singular vector of the smallest singular value, by inverse iteration. */
  private static NDArray leastDirection(NDArray matrix, NDManager owner) {
    long size = matrix.getShape().get(0);
    double[] start = new double[Math.toIntExact(size)];
    for (int i = 0; i < start.length; i++) {
      start[i] = Math.cos(i); // any fixed vector without symmetry
    }
    NDArray inverse = inverse(matrix);
    NDArray transposed = inverse.transpose();
    NDArray vector = owner.create(start, new Shape(size, 1));
    for (int iteration = 0; iteration < POWER_ITERATIONS; iteration++) {
      vector = inverse.matMul(transposed.matMul(vector));
      vector = vector.div(vector.norm());
    }
    return vector;
  }

  private static NDArray inverse(NDArray matrix) {
    try {
      return matrix.inverse();
    } catch (EngineException e) {
      throw illConditioned();
    }
  }

  private static IllegalArgumentException illConditioned() {
    return new IllegalArgumentException(
        "what a rotation is to achieve must determine it, did not; a larger ridge helps");
  }

  /** Returns an orthonormal basis of the columns' span, by Gram and Schmidt's method, twice. */
  private static NDArray basis(NDArray columns, NDManager owner) {
    DMatrixRMaj rows = Algebra.matrix(columns.transpose());
    int length = rows.numCols;
    double[][] basis = new double[rows.numRows][];
    int count = 0;
    for (int i = 0; i < rows.numRows; i++) {
      double[] vector = Arrays.copyOfRange(rows.data, i * length, (i + 1) * length);
      if (!scaleToUnit(vector, 0)) {
        continue;
      }
      for (int pass = 0; pass < 2; pass++) {
        for (int j = 0; j < count; j++) {
          removePart(vector, basis[j]);
        }
      }
      if (scaleToUnit(vector, DEPENDENT)) {
        basis[count++] = vector;
      }
    }
    if (count == 0) {
      return owner.zeros(new Shape(length, 1), columns.getDataType());
    }
    DMatrixRMaj result = new DMatrixRMaj(Arrays.copyOf(basis, count));
    return Algebra.array(Algebra.transposed(result), owner);
  }

  private static boolean scaleToUnit(double[] vector, double least) {
    double length = Math.sqrt(dot(vector, vector));
    if (!(length > least)) {
      return false;
    }
    for (int i = 0; i < vector.length; i++) {
      vector[i] /= length;
    }
    return true;
  }

  private static void removePart(double[] vector, double[] unit) {
    double part = dot(vector, unit);
    for (int i = 0; i < vector.length; i++) {
      vector[i] -= part * unit[i];
    }
  }

  private static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }
}
