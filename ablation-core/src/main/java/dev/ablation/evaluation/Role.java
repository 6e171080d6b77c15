package dev.ablation.evaluation;

/** What a subject of an evaluation is to the ablation. */
public enum Role {
  /** What was removed: shall not be drawn any more. */
  TARGET,
  /** What is drawn instead: shall look as before. */
  ANCHOR,
  /** Like the target, but to be kept (the paper's hard negatives): shall look as before. */
  NEIGHBOUR,
  /** Anything else: shall look as before. */
  UNRELATED
}
