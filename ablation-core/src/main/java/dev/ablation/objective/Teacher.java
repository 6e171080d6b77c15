package dev.ablation.objective;

/** Which weights predict for the anchor prompt. Gradients never flow through the teacher. */
public enum Teacher {
  /**
   * The weights under training: the paper's choice, which needs no second network. It is a moving
   * target: if target and anchor look very different, it can diverge.
   */
  CURRENT_WEIGHTS,
  /** The weights as they were before the run. */
  FROZEN_WEIGHTS,
  /**
   * The moving average of the weights under training, which the trainer keeps if it is set to
   * ({@link dev.ablation.train.GradientTrainer#average}). Ask it before the first prediction of a
   * step that records gradients: it takes the place of the weights that those are recorded for.
   */
  AVERAGED_WEIGHTS
}
