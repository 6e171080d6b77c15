package dev.ablation.train;

import dev.ablation.model.DiffusionModel;

/**
 * A trainer that works in steps of similar cost. Listeners receive their number, and an estimate
 * measures a few of them.
 */
public interface StepwiseTrainer extends Trainer {

  /** {@return the number of steps, positive; the maximum if a monitor can stop training} */
  int steps();

  /**
   * Returns a variant that makes only the first few steps, to estimate the time and memory of
   * training. It emits a {@link dev.ablation.event.AblationEvent.StepCompleted} after each.
   *
   * @param steps positive
   * @return the variant
   */
  Trainer sample(int steps);

  /**
   * Returns the memory of training beside the model, excluding the network's forward and backward
   * passes.
   *
   * @param numbers number of trained values, not negative
   * @return bytes
   */
  long stateBytes(long numbers);

  /**
   * Returns the memory that a whole training has and {@linkplain #sample a few steps} do not, such
   * as the copy of the best weights.
   *
   * @param numbers number of trained values, not negative
   * @return bytes; 0 unless overridden
   */
  default long bytesBeyondSample(long numbers) {
    return 0;
  }

  /**
   * Counts what training does beside its objective, such as images that it draws itself.
   *
   * @param model to train
   * @param targets how many targets there are, positive
   * @return the work; none unless overridden
   */
  default OwnWork ownWork(DiffusionModel model, int targets) {
    return OwnWork.none();
  }
}
