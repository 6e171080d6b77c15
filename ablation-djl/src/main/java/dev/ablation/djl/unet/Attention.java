package dev.ablation.djl.unet;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.internal.kernel.Kernels;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.Linear;
import dev.ablation.djl.nn.Precision;
import dev.ablation.model.AttentionProjection;
import dev.ablation.model.AttentionProjection.Projection;
import dev.ablation.model.AttentionProjection.Stream;
import java.util.function.Function;

/**
 * Multi-head attention of image tokens over a context: themselves ({@code attn1}) or the text
 * ({@code attn2}).
 *
 * <ul>
 *   <li>input x: (B, N, C); context: (B, T, D), absent for self-attention
 *   <li>output: (B, N, C)
 * </ul>
 */
final class Attention extends Layer {
  private final Linear toQ;
  private final Linear toK;
  private final Linear toV;
  private final Linear toOut;
  private final int heads;
  private final int headWidth;
  private Kernel attention;
  private boolean stopFirstToken;

  private Attention(
      int queryWidth,
      int contextWidth,
      int heads,
      int headWidth,
      Function<Projection, AttentionProjection> role) {
    int inner = heads * headWidth;
    toQ = child("to_q", new Linear(queryWidth, inner, false), role.apply(Projection.QUERY));
    toK = child("to_k", new Linear(contextWidth, inner, false), role.apply(Projection.KEY));
    toV = child("to_v", new Linear(contextWidth, inner, false), role.apply(Projection.VALUE));
    toOut = child("to_out.0", new Linear(inner, queryWidth), role.apply(Projection.OUTPUT));
    this.heads = heads;
    this.headWidth = headWidth;
    attention = Kernels.attention(heads, false);
  }

  /** Attention of image tokens to each other. */
  static Attention self(int width, int heads, int headWidth) {
    return new Attention(
        width,
        width,
        heads,
        headWidth,
        projection -> AttentionProjection.self(projection, Stream.IMAGE));
  }

  /** Attention of image tokens to the text. */
  static Attention cross(int width, int textWidth, int heads, int headWidth) {
    return new Attention(width, textWidth, heads, headWidth, AttentionProjection::cross);
  }

  /** Whether key and value of the context's first token carry no gradient. */
  void stopFirstToken(boolean stop) {
    stopFirstToken = stop;
  }

  /** Whether {@link #stopFirstToken} acts on this call. */
  boolean stopsFirstToken() {
    return stopFirstToken && GradMode.isRecording();
  }

  @Override
  protected void use(Precision precision) {
    attention =
        precision == Precision.BF16_MATMUL
            ? Kernels.attentionInBfloat16(heads, headWidth)
            : Kernels.attention(heads, false);
  }

  @Override
  protected NDList call(NDList in) {
    NDArray x = in.get(0);
    NDArray context = in.size() > 1 ? in.get(1) : x;
    NDArray q = toQ.apply(x);
    NDArray k = toK.apply(context);
    NDArray v = toV.apply(context);
    if (stopsFirstToken()) {
      k = Kernels.STOP_FIRST_TOKEN.applyAndClose(k);
      v = Kernels.STOP_FIRST_TOKEN.applyAndClose(v);
    }
    NDArray out = attention.applyAndClose(q, k, v);
    k.close();
    v.close();
    return new NDList(toOut.applyAndClose(out));
  }
}
