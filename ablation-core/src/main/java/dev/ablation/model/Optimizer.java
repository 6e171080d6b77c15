package dev.ablation.model;

import ai.djl.ndarray.NDList;

/** Updates the weights of a {@link TrainingSession}. */
public interface Optimizer {

  /**
   * Clips the gradients to a total 2-norm and makes one step. The gradients may be overwritten.
   *
   * @param gradients one per weight, in the session's order
   * @param learningRate of this step, positive
   * @param maxGradientNorm the gradients are multiplied by {@code min(1, max / (norm + 1e-6))};
   *     infinity does not clip
   * @return the total 2-norm before clipping; if it is not finite, nothing was changed
   */
  double step(NDList gradients, double learningRate, double maxGradientNorm);

  /** {@return the number of steps made} */
  long steps();

  /**
   * {@return the first and second moments, {@code [m_0 .. m_n, v_0 .. v_n]} in the session's order}
   * To be saved, or overwritten by a checkpoint; they belong to the session.
   */
  NDList moments();

  /**
   * Continues from saved moments.
   *
   * @param moments in the order of {@link #moments()}; copied
   * @param steps number of steps made before
   */
  void restore(NDList moments, long steps);
}
