package dev.ablation.concept;

import com.google.common.base.Preconditions;

/**
 * An anchor prompt and the target prompt that shall be answered as it.
 *
 * {@snippet class="dev.ablation.Snippets" region="prompt-pairs"}
 *
 * @param anchor draws what the model shall draw
 * @param target draws what it shall no longer draw
 */
public record PromptPair(String anchor, String target) {

  /** Checks that no prompt is blank and that they differ. */
  public PromptPair {
    anchor = anchor.strip();
    target = target.strip();
    Preconditions.checkArgument(!anchor.isEmpty(), "anchor prompt must not be blank");
    Preconditions.checkArgument(!target.isEmpty(), "target prompt must not be blank");
    Preconditions.checkArgument(
        !anchor.equals(target), "target prompt must differ from its anchor prompt '%s'", anchor);
  }
}
