package dev.ablation.closedform;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;

/**
 * A change of weights that multiply text embeddings. Immutable and thread-safe; holds no native
 * memory.
 */
public sealed interface WeightEdit permits SharedFactor, PerMatrixEdit {

  /** {@return D, the width of a text embedding and the number of columns of every weight} */
  int width();

  /**
   * Edits weights. The product is computed in double precision and rounded once.
   *
   * @param weights each of shape {@code (rows, D)}, floating point, on any device; left alone
   * @param scope owner of the result
   * @return as many weights, in the same order, with the shapes, data types and devices of the
   *     given ones
   * @throws IllegalArgumentException if a weight has another number of columns
   */
  NDList apply(NDList weights, NDManager scope);
}
