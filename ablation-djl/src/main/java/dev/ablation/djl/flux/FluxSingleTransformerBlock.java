package dev.ablation.djl.flux;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.ablation.djl.dit.AdaLayerNormZero;
import dev.ablation.djl.dit.AdaLayerNormZero.Form;
import dev.ablation.djl.dit.AttentionSettings;
import dev.ablation.djl.dit.Condition;
import dev.ablation.djl.dit.SelfAttention;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.Linear;

/**
 * A single block: attention and a feed-forward part beside it, over the tokens of text and image
 * with the same weights (Dehghani et al. 2023, arXiv 2302.05442, section 2.1, has both in
 * parallel).
 *
 * <ul>
 *   <li>inputs and outputs: as those of {@link FluxTransformerBlock}
 * </ul>
 */
final class FluxSingleTransformerBlock extends Layer {
  private static final Kernel JOIN = Kernel.of("(image, text): return torch.cat([text, image], 1)");

  private static final Kernel SPLIT =
      Kernel.of(
          """
          (x, text):
              n = text.size(1)
              return (torch.slice(x, 1, n), torch.slice(x, 1, 0, n))\
          """);

  private static final Kernel JOIN_BRANCHES =
      Kernel.of(
          "(attended, mlp): return torch.cat([attended, torch.gelu(mlp, approximate=\"tanh\")], 2)");

  private final AdaLayerNormZero norm;
  private final Linear projMlp;
  private final Linear projOut;
  private final SelfAttention attn;

  FluxSingleTransformerBlock(AttentionSettings settings) {
    int width = settings.width();
    norm = child("norm", new AdaLayerNormZero(width, Form.SINGLE));
    projMlp = child("proj_mlp", new Linear(width, 4 * width));
    projOut = child("proj_out", new Linear(5 * width, width));
    attn = child("attn", SelfAttention.ofBoth(settings));
  }

  @Override
  protected boolean isCheckpointed() {
    return true;
  }

  @Override
  protected NDList call(NDList in) {
    NDArray text = in.get(1);
    NDArray x = JOIN.call(in.get(0), text);
    NDList normed = norm.applyAll(new NDList(x, in.get(2)));
    NDArray mlp = projMlp.apply(normed.get(0));
    NDArray both =
        JOIN_BRANCHES.applyAndClose(attn.apply(normed.get(0), in.get(3), in.get(4)), mlp);
    mlp.close();
    NDArray out = Condition.addGated(x, normed.get(1), projOut.applyAndClose(both));
    return SPLIT.callAll(out, text);
  }
}
