package dev.ablation.djl.clip;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.ablation.djl.kernel.Kernel;
import dev.ablation.djl.kernel.Kernels;
import dev.ablation.djl.nn.Activation;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.LayerNorm;
import dev.ablation.djl.nn.Linear;

/** Self-attention, then a feed-forward part; each normalises its input and adds to it. */
final class ClipEncoderLayer extends Layer {
  private final LayerNorm layerNorm1;
  private final SelfAttention selfAttn;
  private final LayerNorm layerNorm2;
  private final Mlp mlp;

  /**
   * Creates a layer.
   *
   * @param width D
   * @param inner width of the feed-forward part
   * @param heads of the attention, a divisor of D
   * @param activation of the feed-forward part
   * @param epsilon of the normalisations
   * @param causal whether a position sees only itself and the ones before it
   */
  ClipEncoderLayer(
      int width, int inner, int heads, Activation activation, double epsilon, boolean causal) {
    selfAttn = child("self_attn", new SelfAttention(width, heads, causal));
    layerNorm1 = child("layer_norm1", new LayerNorm(width, epsilon));
    mlp = child("mlp", new Mlp(width, inner, activation));
    layerNorm2 = child("layer_norm2", new LayerNorm(width, epsilon));
  }

  @Override
  protected NDList call(NDList in) {
    NDArray x = in.get(0);
    NDArray y = Kernels.ADD_TO.applyAndClose(selfAttn.applyAndClose(layerNorm1.apply(x)), x);
    return new NDList(Kernels.ADD_TO.applyAndClose(mlp.applyAndClose(layerNorm2.apply(y)), y));
  }

  private static final class SelfAttention extends Layer {
    private final Linear kProj;
    private final Linear vProj;
    private final Linear qProj;
    private final Linear outProj;
    private final Kernel attention;

    SelfAttention(int width, int heads, boolean causal) {
      kProj = child("k_proj", new Linear(width, width));
      vProj = child("v_proj", new Linear(width, width));
      qProj = child("q_proj", new Linear(width, width));
      outProj = child("out_proj", new Linear(width, width));
      attention = Kernels.attention(heads, causal);
    }

    @Override
    protected NDList call(NDList in) {
      NDArray x = in.get(0);
      return new NDList(
          outProj.apply(attention.call(qProj.apply(x), kProj.apply(x), vProj.apply(x))));
    }
  }

  private static final class Mlp extends Layer {
    private final Linear fc1;
    private final Activation activation;
    private final Linear fc2;

    Mlp(int width, int inner, Activation activation) {
      this.activation = activation;
      fc1 = child("fc1", new Linear(width, inner));
      fc2 = child("fc2", new Linear(inner, width));
    }

    @Override
    protected NDList call(NDList in) {
      return new NDList(fc2.apply(activation.apply(fc1.apply(in.get(0)))));
    }
  }
}
