package dev.ablation.closedform;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import com.google.common.base.Preconditions;
import java.util.function.UnaryOperator;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;

/** Double precision matrices between Java and the engine. */
final class Algebra {
  private Algebra() {}

  /** Widens an array to float64, on the CPU where its device has no such type. */
  static NDArray doubles(NDArray array) {
    Device device = array.getDevice();
    NDArray near = device.isGpu() ? array : array.toDevice(Device.cpu(), false);
    return near.toType(DataType.FLOAT64, false);
  }

  static NDArray array(DMatrixRMaj matrix, NDManager owner) {
    return owner.create(matrix.data, new Shape(matrix.numRows, matrix.numCols));
  }

  static DMatrixRMaj matrix(NDArray array) {
    Shape shape = array.getShape();
    return DMatrixRMaj.wrap(
        Math.toIntExact(shape.get(0)),
        Math.toIntExact(shape.get(1)),
        array.toType(DataType.FLOAT64, false).toDoubleArray());
  }

  static DMatrixRMaj product(DMatrixRMaj a, DMatrixRMaj b) {
    return CommonOps_DDRM.mult(a, b, null);
  }

  static DMatrixRMaj transposed(DMatrixRMaj a) {
    return CommonOps_DDRM.transpose(a, null);
  }

  /** Returns a + factor b. */
  static DMatrixRMaj sum(DMatrixRMaj a, double factor, DMatrixRMaj b) {
    DMatrixRMaj sum = a.copy();
    CommonOps_DDRM.addEquals(sum, factor, b);
    return sum;
  }

  static void addToDiagonal(DMatrixRMaj a, double value) {
    for (int i = 0; i < a.numRows; i++) {
      a.add(i, i, value);
    }
  }

  /**
   * Changes weights one by one.
   *
   * @param change takes a weight in float64 and returns what it becomes
   */
  static NDList edited(NDList weights, int width, NDManager scope, UnaryOperator<NDArray> change) {
    for (NDArray weight : weights) {
      Shape shape = weight.getShape();
      Preconditions.checkArgument(
          shape.dimension() == 2 && shape.get(1) == width,
          "weight '%s' must have shape (rows, %s), was %s",
          weight.getName(),
          width,
          shape);
    }
    NDList results = new NDList(weights.size());
    for (NDArray weight : weights) {
      try (NDScope intermediate = new NDScope()) {
        intermediate.suppressNotUsedWarning();
        NDArray result =
            change
                .apply(doubles(weight))
                .toType(weight.getDataType(), false)
                .toDevice(weight.getDevice(), false);
        NDScope.unregister(result);
        result.attach(scope);
        results.add(result);
      }
    }
    return results;
  }
}
