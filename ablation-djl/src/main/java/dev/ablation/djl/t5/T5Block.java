package dev.ablation.djl.t5;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.internal.kernel.Kernels;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.Linear;
import dev.ablation.djl.nn.RmsNorm;
import dev.ablation.model.AttentionProjection;
import dev.ablation.model.AttentionProjection.Projection;
import dev.ablation.model.AttentionProjection.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Self-attention, then a feed-forward part; each normalises its input and adds to it.
 *
 * <ul>
 *   <li>inputs: states (B, n, D); position bias (1, heads, n, n)
 *   <li>output: (B, n, D)
 * </ul>
 */
final class T5Block extends Layer {
  private final AttentionLayer attention;
  private final FeedForwardLayer feedForward;

  /**
   * Creates a block.
   *
   * @param config shapes
   * @param withBias whether the block holds the position bias, which all blocks use
   */
  T5Block(T5Config config, boolean withBias) {
    attention = child("layer.0", new AttentionLayer(config, withBias));
    feedForward = child("layer.1", new FeedForwardLayer(config));
  }

  /** The position bias of the block that holds it, for states (B, n, D). */
  NDArray positionBias(NDArray states) {
    RelativeAttentionBias bias = attention.selfAttention.relativeAttentionBias;
    if (bias == null) {
      throw new IllegalStateException("the first block holds the position bias");
    }
    return bias.apply(states);
  }

  @Override
  protected NDList call(NDList in) {
    return new NDList(feedForward.applyAndClose(attention.apply(in.get(0), in.get(1))));
  }

  private static final class AttentionLayer extends Layer {
    private final SelfAttention selfAttention;
    private final RmsNorm layerNorm;

    AttentionLayer(T5Config config, boolean withBias) {
      selfAttention = child("SelfAttention", new SelfAttention(config, withBias));
      layerNorm = child("layer_norm", new RmsNorm(config.width(), config.epsilon()));
    }

    @Override
    protected NDList call(NDList in) {
      NDArray x = in.get(0);
      NDArray branch = selfAttention.applyAndClose(layerNorm.apply(x), in.get(1));
      return new NDList(Kernels.ADD_TO.applyAndClose(branch, x));
    }
  }

  private static final class SelfAttention extends Layer {
    private final Linear q;
    private final Linear k;
    private final Linear v;
    private final Linear o;
    private final @Nullable RelativeAttentionBias relativeAttentionBias;
    private final Kernel attention;

    SelfAttention(T5Config config, boolean withBias) {
      int inner = config.heads() * config.headWidth();
      q = projection("q", config.width(), inner, Projection.QUERY);
      k = projection("k", config.width(), inner, Projection.KEY);
      v = projection("v", config.width(), inner, Projection.VALUE);
      o = projection("o", inner, config.width(), Projection.OUTPUT);
      relativeAttentionBias =
          withBias ? child("relative_attention_bias", new RelativeAttentionBias(config)) : null;
      attention = biasedAttention(config.heads(), config.headWidth());
    }

    private Linear projection(String name, int in, int out, Projection projection) {
      return child(
          name, new Linear(in, out, false), AttentionProjection.self(projection, Stream.TEXT));
    }

    /** Softmax of q k^T + bias, without a scale. */
    private static Kernel biasedAttention(int heads, int headWidth) {
      return Kernel.of(
          """
          (q, k, v, bias):
              q1 = torch.transpose(torch.reshape(q, [q.size(0), q.size(1), %1$d, %2$d]), 1, 2)
              k1 = torch.transpose(torch.reshape(k, [k.size(0), k.size(1), %1$d, %2$d]), 1, 2)
              v1 = torch.transpose(torch.reshape(v, [v.size(0), v.size(1), %1$d, %2$d]), 1, 2)
              o = torch.scaled_dot_product_attention(q1, k1, v1, torch.type_as(bias, q), 0., False, scale=1.)
              return torch.flatten(torch.transpose(o, 1, 2), 2)\
          """
              .formatted(heads, headWidth));
    }

    @Override
    protected NDList call(NDList in) {
      NDArray x = in.get(0);
      NDArray out = attention.call(q.apply(x), k.apply(x), v.apply(x), in.get(1));
      return new NDList(o.applyAndClose(out));
    }
  }

  private static final class FeedForwardLayer extends Layer {
    private final GatedGelu denseReluDense;
    private final RmsNorm layerNorm;

    FeedForwardLayer(T5Config config) {
      denseReluDense = child("DenseReluDense", new GatedGelu(config));
      layerNorm = child("layer_norm", new RmsNorm(config.width(), config.epsilon()));
    }

    @Override
    protected NDList call(NDList in) {
      NDArray x = in.get(0);
      NDArray branch = denseReluDense.applyAndClose(layerNorm.apply(x));
      return new NDList(Kernels.ADD_TO.applyAndClose(branch, x));
    }
  }

  /** {@code wo(gelu(wi_0 x) * wi_1 x)} (Shazeer 2020, arXiv 2002.05202, equation 6). */
  private static final class GatedGelu extends Layer {
    private static final Kernel GATE =
        Kernel.of("(a, b): return torch.mul(torch.gelu(a, approximate=\"tanh\"), b)");

    private final Linear wi0;
    private final Linear wi1;
    private final Linear wo;

    GatedGelu(T5Config config) {
      wi0 = child("wi_0", new Linear(config.width(), config.innerWidth(), false));
      wi1 = child("wi_1", new Linear(config.width(), config.innerWidth(), false));
      wo = child("wo", new Linear(config.innerWidth(), config.width(), false));
    }

    @Override
    protected NDList call(NDList in) {
      NDArray x = in.get(0);
      return new NDList(wo.applyAndClose(GATE.applyAndClose(wi0.apply(x), wi1.apply(x))));
    }
  }
}
