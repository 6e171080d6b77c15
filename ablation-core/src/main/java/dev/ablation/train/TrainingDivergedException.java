package dev.ablation.train;

import dev.ablation.error.AblationException;

/** The loss or a gradient is no longer finite. The model has its original weights. */
public final class TrainingDivergedException extends AblationException {
  private static final long serialVersionUID = 1L;

  /** Where it happened. */
  private final int step;

  /** The loss of that step. */
  private final double loss;

  /**
   * Creates the exception.
   *
   * @param step at which it happened, 1 for the first
   * @param loss of that step
   * @param gradientNorm of that step
   * @param learningRate of the run
   */
  public TrainingDivergedException(
      int step, double loss, double gradientNorm, double learningRate) {
    super(
        ("training diverged at step %d: loss %s, gradient norm %s must be finite; the model is"
                + " unchanged; a smaller learning rate than %s may help")
            .formatted(step, loss, gradientNorm, learningRate));
    this.step = step;
    this.loss = loss;
  }

  /** {@return the step, 1 for the first} */
  public int step() {
    return step;
  }

  /** {@return the loss of that step} */
  public double loss() {
    return loss;
  }
}
