package dev.ablation.evaluation;

/** The relation of a subject to the ablation. */
public enum Role {
  /** The target: should no longer be generated. */
  TARGET,
  /** The target under another of its names: should no longer be generated either. */
  ALIAS,
  /** The anchor: should look as before. */
  ANCHOR,
  /**
   * Similar to the target, but to be retained (the paper's hard negatives): should look as before.
   */
  NEIGHBOUR,
  /**
   * Something else in a prompt that names the target, too: the target should be gone, the rest of
   * the prompt should be generated as before.
   */
  IN_PROMPT,
  /** Unrelated to the target: should look as before. */
  UNRELATED
}
