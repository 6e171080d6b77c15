package dev.ablation.djl.clip;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.internal.kernel.Kernels;
import dev.ablation.djl.nn.Activation;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.LayerNorm;
import dev.ablation.djl.nn.Linear;
import dev.ablation.model.AttentionProjection;
import dev.ablation.model.AttentionProjection.Projection;
import dev.ablation.model.AttentionProjection.Stream;

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
   * @param stream what the tokens are; a position of text sees only itself and the ones before it
   */
  ClipEncoderLayer(
      int width, int inner, int heads, Activation activation, double epsilon, Stream stream) {
    selfAttn = child("self_attn", new SelfAttention(width, heads, stream));
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

    SelfAttention(int width, int heads, Stream stream) {
      kProj = projection("k_proj", width, Projection.KEY, stream);
      vProj = projection("v_proj", width, Projection.VALUE, stream);
      qProj = projection("q_proj", width, Projection.QUERY, stream);
      outProj = projection("out_proj", width, Projection.OUTPUT, stream);
      attention = Kernels.attention(heads, stream == Stream.TEXT);
    }

    private Linear projection(String name, int width, Projection projection, Stream stream) {
      return child(name, new Linear(width, width), AttentionProjection.self(projection, stream));
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
