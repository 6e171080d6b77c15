package dev.ablation.closedform;

/**
 * A prompt that an edit takes away, and the prompt that it is answered as from then on.
 *
 * @param target such as {@code "van gogh"}
 * @param anchor such as {@code "art"}; empty for the unconditional prompt
 */
public record PromptMapping(String target, String anchor) {
  @Override
  public String toString() {
    return "'" + target + "' -> '" + anchor + "'";
  }
}
