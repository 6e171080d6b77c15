package dev.ablation.djl.sd3;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.ablation.djl.dit.AdaLayerNormContinuous;
import dev.ablation.djl.dit.AdaLayerNormZero;
import dev.ablation.djl.dit.AdaLayerNormZero.Form;
import dev.ablation.djl.dit.AttentionSettings;
import dev.ablation.djl.dit.Condition;
import dev.ablation.djl.dit.FeedForward;
import dev.ablation.djl.dit.JointAttention;
import dev.ablation.djl.dit.SelfAttention;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.PlainLayerNorm;
import org.jspecify.annotations.Nullable;

/**
 * Joint attention of image and text, then a feed-forward part for each; both add to their stream,
 * scaled by a gate. A dual block has a second attention of the image over itself. The last block
 * reads the text and does not change it.
 *
 * <ul>
 *   <li>inputs: image tokens (B, N, C); text tokens (B, T, C); condition (B, C)
 *   <li>outputs: image tokens (B, N, C); text tokens (B, T, C), but for the last block
 * </ul>
 */
final class JointTransformerBlock extends Layer {
  private final AdaLayerNormZero norm1;
  private final JointAttention attn;
  private final @Nullable SelfAttention attn2;
  private final PlainLayerNorm norm2;
  private final FeedForward ff;
  private final Text text;

  JointTransformerBlock(AttentionSettings settings, boolean contextPreOnly, boolean dual) {
    int width = settings.width();
    norm1 =
        child(
            "norm1",
            new AdaLayerNormZero(
                width, dual ? Form.DUAL_ATTENTION : Form.ATTENTION_AND_FEED_FORWARD));
    text = contextPreOnly ? new LastText(width) : new ChangedText(width);
    attn = child("attn", new JointAttention(settings, contextPreOnly));
    attn2 = dual ? child("attn2", SelfAttention.ofImage(settings)) : null;
    norm2 = child("norm2", new PlainLayerNorm(width, Condition.EPSILON));
    ff = child("ff", new FeedForward(width));
  }

  @Override
  protected boolean isCheckpointed() {
    return true;
  }

  @Override
  protected NDList call(NDList in) {
    NDArray image = in.get(0);
    NDArray condition = in.get(2);
    NDList norm = norm1.applyAll(new NDList(image, condition));
    NDList textNorm = text.normalise(in.get(1), condition);
    NDList attended = attn.applyAll(new NDList(norm.get(0), textNorm.get(0)));

    NDArray x = Condition.addGated(image, norm.get(1), attended.get(0));
    if (attn2 != null) {
      NDArray y = Condition.addGated(x, norm.get(6), attn2.apply(norm.get(5)));
      x.close();
      x = y;
    }
    NDArray branch = ff.applyAndClose(norm2.modulated(x, norm.get(2), norm.get(3)));
    NDList out = new NDList(Condition.addGated(x, norm.get(4), branch));
    text.change(in.get(1), attended.get(1), textNorm, out);
    return out;
  }

  /** The text's part of the block. */
  private interface Text {
    NDList normalise(NDArray tokens, NDArray condition);

    /** Adds the changed tokens to the block's outputs, if they are changed. */
    void change(NDArray tokens, NDArray attended, NDList norm, NDList out);
  }

  private final class LastText implements Text {
    private final AdaLayerNormContinuous norm1Context;

    LastText(int width) {
      norm1Context = child("norm1_context", new AdaLayerNormContinuous(width));
    }

    @Override
    public NDList normalise(NDArray tokens, NDArray condition) {
      return new NDList(norm1Context.apply(tokens, condition));
    }

    @Override
    public void change(NDArray tokens, NDArray attended, NDList norm, NDList out) {}
  }

  private final class ChangedText implements Text {
    private final AdaLayerNormZero norm1Context;
    private final PlainLayerNorm norm2Context;
    private final FeedForward ffContext;

    ChangedText(int width) {
      norm1Context =
          child("norm1_context", new AdaLayerNormZero(width, Form.ATTENTION_AND_FEED_FORWARD));
      norm2Context = child("norm2_context", new PlainLayerNorm(width, Condition.EPSILON));
      ffContext = child("ff_context", new FeedForward(width));
    }

    @Override
    public NDList normalise(NDArray tokens, NDArray condition) {
      return norm1Context.applyAll(new NDList(tokens, condition));
    }

    @Override
    public void change(NDArray tokens, NDArray attended, NDList norm, NDList out) {
      NDArray y = Condition.addGated(tokens, norm.get(1), attended);
      NDArray branch = ffContext.applyAndClose(norm2Context.modulated(y, norm.get(2), norm.get(3)));
      out.add(Condition.addGated(y, norm.get(4), branch));
    }
  }
}
