package dev.ablation.djl.flux;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.ablation.djl.dit.AdaLayerNormZero;
import dev.ablation.djl.dit.AdaLayerNormZero.Form;
import dev.ablation.djl.dit.AttentionSettings;
import dev.ablation.djl.dit.Condition;
import dev.ablation.djl.dit.FeedForward;
import dev.ablation.djl.dit.JointAttention;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.PlainLayerNorm;

/**
 * A double block: joint attention of text and image, then a feed-forward part for each; both add to
 * their stream, scaled by a gate.
 *
 * <ul>
 *   <li>inputs: image tokens (B, N, C); text tokens (B, T, C); condition (B, C); cosines and sines
 *       of the positions (T + N, width of a head)
 *   <li>outputs: image tokens (B, N, C); text tokens (B, T, C)
 * </ul>
 */
final class FluxTransformerBlock extends Layer {
  private final AdaLayerNormZero norm1;
  private final AdaLayerNormZero norm1Context;
  private final JointAttention attn;
  private final PlainLayerNorm norm2;
  private final FeedForward ff;
  private final PlainLayerNorm norm2Context;
  private final FeedForward ffContext;

  FluxTransformerBlock(AttentionSettings settings) {
    int width = settings.width();
    norm1 = child("norm1", new AdaLayerNormZero(width, Form.ATTENTION_AND_FEED_FORWARD));
    norm1Context =
        child("norm1_context", new AdaLayerNormZero(width, Form.ATTENTION_AND_FEED_FORWARD));
    attn = child("attn", new JointAttention(settings, false));
    norm2 = child("norm2", new PlainLayerNorm(width, Condition.EPSILON));
    ff = child("ff", new FeedForward(width));
    norm2Context = child("norm2_context", new PlainLayerNorm(width, Condition.EPSILON));
    ffContext = child("ff_context", new FeedForward(width));
  }

  @Override
  protected boolean isCheckpointed() {
    return true;
  }

  @Override
  protected NDList call(NDList in) {
    NDArray image = in.get(0);
    NDArray text = in.get(1);
    NDArray condition = in.get(2);
    NDList norm = norm1.applyAll(new NDList(image, condition));
    NDList textNorm = norm1Context.applyAll(new NDList(text, condition));
    NDList attended = attn.applyAll(new NDList(norm.get(0), textNorm.get(0), in.get(3), in.get(4)));
    return new NDList(
        change(image, attended.get(0), norm, norm2, ff),
        change(text, attended.get(1), textNorm, norm2Context, ffContext));
  }

  private static NDArray change(
      NDArray tokens, NDArray attended, NDList norm, PlainLayerNorm norm2, FeedForward ff) {
    NDArray x = Condition.addGated(tokens, norm.get(1), attended);
    NDArray branch = ff.applyAndClose(norm2.modulated(x, norm.get(2), norm.get(3)));
    return Condition.addGated(x, norm.get(4), branch);
  }
}
