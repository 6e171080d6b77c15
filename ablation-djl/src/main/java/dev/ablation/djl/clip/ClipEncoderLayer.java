package dev.ablation.djl.clip;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.ablation.djl.kernel.Kernel;
import dev.ablation.djl.kernel.Kernels;
import dev.ablation.djl.nn.Activation;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.LayerNorm;
import dev.ablation.djl.nn.Linear;

/** Causal self-attention, then a feed-forward part; each normalises its input and adds to it. */
final class ClipEncoderLayer extends Layer {
  private final LayerNorm layerNorm1;
  private final SelfAttention selfAttn;
  private final LayerNorm layerNorm2;
  private final Mlp mlp;

  ClipEncoderLayer(ClipTextConfig config) {
    selfAttn = child("self_attn", new SelfAttention(config.hiddenSize(), config.heads()));
    layerNorm1 = child("layer_norm1", new LayerNorm(config.hiddenSize(), config.layerNormEps()));
    mlp =
        child("mlp", new Mlp(config.hiddenSize(), config.intermediateSize(), config.activation()));
    layerNorm2 = child("layer_norm2", new LayerNorm(config.hiddenSize(), config.layerNormEps()));
  }

  @Override
  protected NDList call(NDList in) {
    NDArray x = in.get(0);
    NDArray y = Kernels.ADD_TO.consume(selfAttn.consume(layerNorm1.apply(x)), x);
    return new NDList(Kernels.ADD_TO.consume(mlp.consume(layerNorm2.apply(y)), y));
  }

  private static final class SelfAttention extends Layer {
    private final Linear kProj;
    private final Linear vProj;
    private final Linear qProj;
    private final Linear outProj;
    private final Kernel attention;

    SelfAttention(int width, int heads) {
      kProj = child("k_proj", new Linear(width, width));
      vProj = child("v_proj", new Linear(width, width));
      qProj = child("q_proj", new Linear(width, width));
      outProj = child("out_proj", new Linear(width, width));
      attention = Kernels.attention(heads, true);
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
