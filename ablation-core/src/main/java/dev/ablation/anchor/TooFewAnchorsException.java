package dev.ablation.anchor;

import dev.ablation.error.AblationException;

/** Thrown if too few anchor images remain after dropping those that lead to the target. */
public final class TooFewAnchorsException extends AblationException {
  private static final long serialVersionUID = 1L;

  /** The number of remaining images. */
  private final int left;

  /** The number of required images. */
  private final int needed;

  /**
   * Creates the exception.
   *
   * @param anchor name of the strategy
   * @param left number of remaining images
   * @param needed number of required images
   * @param judgement the judgement of all images
   */
  public TooFewAnchorsException(String anchor, int left, int needed, AnchorJudgement judgement) {
    super(
        "anchor '%s' must have at least %d images left after dropping those that lead to the target, but has %d: according to judge '%s' %s; choose prompts that do not lead to the target, a higher limit, or spare prompts"
            .formatted(anchor, needed, left, judgement.judge(), judgement));
    this.left = left;
    this.needed = needed;
  }

  /** {@return the number of remaining images} */
  public int left() {
    return left;
  }

  /** {@return the number of required images} */
  public int needed() {
    return needed;
  }
}
