package dev.ablation.djl.vae;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.internal.kernel.Kernels;
import dev.ablation.djl.nn.GroupNorm;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.Linear;
import dev.ablation.model.AttentionProjection;
import dev.ablation.model.AttentionProjection.Projection;
import dev.ablation.model.AttentionProjection.Stream;

/** Attention of the pixels of an image with themselves, one head; adds to its input. */
final class PixelAttention extends Layer {
  private final GroupNorm groupNorm;
  private final Linear toQ;
  private final Linear toK;
  private final Linear toV;
  private final Linear toOut;
  private final Kernel attention = Kernels.attention(1, false);

  PixelAttention(int channels, int groups) {
    groupNorm = child("group_norm", new GroupNorm(groups, channels, VaeConfig.EPSILON));
    toQ = projection("to_q", channels, Projection.QUERY);
    toK = projection("to_k", channels, Projection.KEY);
    toV = projection("to_v", channels, Projection.VALUE);
    toOut = projection("to_out.0", channels, Projection.OUTPUT);
  }

  private Linear projection(String name, int channels, Projection projection) {
    return child(
        name, new Linear(channels, channels), AttentionProjection.self(projection, Stream.IMAGE));
  }

  @Override
  protected NDList call(NDList in) {
    NDArray image = in.get(0);
    NDArray x = Kernels.TO_TOKENS.applyAndClose(groupNorm.apply(image));
    NDArray tokens =
        toOut.applyAndClose(attention.applyAndClose(toQ.apply(x), toK.apply(x), toV.apply(x)));
    return new NDList(image.add(Kernels.TO_IMAGE.applyAndClose(tokens, image)));
  }
}
