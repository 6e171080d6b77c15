package dev.ablation.concept;

import com.google.common.base.Preconditions;

/**
 * An anchor prompt and a target prompt. Training makes the model answer the target prompt as it
 * answers the anchor prompt.
 *
 * {@snippet class="dev.ablation.Snippets" region="prompt-pairs"}
 *
 * @param anchor a prompt for what the model should generate
 * @param target a prompt for what it should no longer generate
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
