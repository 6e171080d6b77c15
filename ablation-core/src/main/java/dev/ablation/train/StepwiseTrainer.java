package dev.ablation.train;

/**
 * A trainer that works in steps of like cost. Listeners are told how many there are, and an
 * estimate measures a few of them.
 */
public interface StepwiseTrainer extends Trainer {

  /** {@return how many steps there are, at most if a monitor can stop training, positive} */
  int steps();

  /**
   * Returns a variant that makes the first few steps and nothing else, by which the time and memory
   * of training are estimated. It emits a {@link dev.ablation.event.AblationEvent.StepCompleted}
   * after each.
   *
   * @param steps positive
   * @return the variant
   */
  Trainer sample(int steps);

  /**
   * Returns how much memory training holds beside the model, without what the network takes for its
   * forward and backward passes.
   *
   * @param numbers how many numbers are trained, not negative
   * @return bytes
   */
  long stateBytes(long numbers);
}
