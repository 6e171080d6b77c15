package dev.ablation.djl.dit;

/**
 * The size of an attention, whose heads together are as wide as its tokens.
 *
 * @param heads number of heads
 * @param headWidth width of a head
 * @param qkNorm whether queries and keys are normalised, each head by itself
 */
public record AttentionSettings(int heads, int headWidth, boolean qkNorm) {
  /** {@return C, the width of a token} */
  public int width() {
    return heads * headWidth;
  }
}
