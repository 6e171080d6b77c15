package dev.ablation.evaluation;

/** The relation of a subject to the ablation. */
public enum Role {
  /** The target: should no longer be generated. */
  TARGET,
  /** The anchor: should look as before. */
  ANCHOR,
  /**
   * Similar to the target, but to be retained (the paper's hard negatives): should look as before.
   */
  NEIGHBOUR,
  /** Unrelated to the target: should look as before. */
  UNRELATED
}
