package dev.ablation.djl.unet;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.ablation.djl.internal.kernel.BlockKernels;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.internal.kernel.Kernels;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.LayerNorm;

/**
 * Self-attention, attention over the text, feed-forward; each normalises its input and adds to it.
 *
 * <ul>
 *   <li>input x: (B, N, C); text embeddings: (B, T, D)
 *   <li>output: (B, N, C)
 * </ul>
 */
final class BasicTransformerBlock extends Layer {
  private static final double EPSILON = 1e-5;

  private final LayerNorm norm1;
  private final Attention attn1;
  private final LayerNorm norm2;
  private final Attention attn2;
  private final LayerNorm norm3;
  private final FeedForward ff;
  private final Kernel whole;
  private final Kernel wholeWithFirstTokenStopped;

  BasicTransformerBlock(int width, int textWidth, int heads, int headWidth) {
    norm1 = child("norm1", new LayerNorm(width, EPSILON));
    attn1 = child("attn1", Attention.self(width, heads, headWidth));
    norm2 = child("norm2", new LayerNorm(width, EPSILON));
    attn2 = child("attn2", Attention.cross(width, textWidth, heads, headWidth));
    norm3 = child("norm3", new LayerNorm(width, EPSILON));
    ff = child("ff", new FeedForward(width));
    whole = BlockKernels.transformer(width, heads, EPSILON, false);
    wholeWithFirstTokenStopped = BlockKernels.transformer(width, heads, EPSILON, true);
  }

  /** The attention over the text. */
  Attention crossAttention() {
    return attn2;
  }

  @Override
  protected boolean isCheckpointed() {
    return true;
  }

  @Override
  protected NDList call(NDList in) {
    if (hasPlainParts()) {
      Kernel kernel = attn2.stopsFirstToken() ? wholeWithFirstTokenStopped : whole;
      return new NDList(kernel.call(operands(in.subList(0, 2), this)));
    }
    NDArray x = in.get(0);
    NDArray text = in.get(1);
    NDArray y = Kernels.ADD_TO.applyAndClose(attn1.applyAndClose(norm1.apply(x)), x);
    NDArray z = Kernels.ADD_TO.applyAndClose(attn2.applyAndClose(norm2.apply(y), text), y);
    y.close();
    return new NDList(Kernels.ADD_TO.applyAndClose(ff.applyAndClose(norm3.apply(z)), z));
  }
}
