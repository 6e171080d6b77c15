package dev.ablation.anchor;

import dev.ablation.error.AblationException;

/** So many anchor images were dropped that too few are left to train with. */
public final class TooFewAnchorsException extends AblationException {
  private static final long serialVersionUID = 1L;

  /** How many are left. */
  private final int left;

  /** How many are needed. */
  private final int needed;

  /**
   * Creates the exception.
   *
   * @param anchor name of the strategy
   * @param left how many images are left
   * @param needed how many are needed
   * @param judgement what the judge said of all of them
   */
  public TooFewAnchorsException(String anchor, int left, int needed, AnchorJudgement judgement) {
    super(
        "anchor '%s' must have at least %d images left after dropping what leads to the target, but has %d: by judge '%s' %s; choose prompts that do not lead there, a higher limit, or spare prompts"
            .formatted(anchor, needed, left, judgement.judge(), judgement));
    this.left = left;
    this.needed = needed;
  }

  /** {@return how many images are left} */
  public int left() {
    return left;
  }

  /** {@return how many images are needed} */
  public int needed() {
    return needed;
  }
}
