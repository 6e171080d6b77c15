package dev.ablation.djl.vae;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.ablation.djl.kernel.Kernel;
import dev.ablation.djl.kernel.Kernels;
import dev.ablation.djl.nn.GroupNorm;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.Linear;

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
    toQ = child("to_q", new Linear(channels, channels));
    toK = child("to_k", new Linear(channels, channels));
    toV = child("to_v", new Linear(channels, channels));
    toOut = child("to_out.0", new Linear(channels, channels));
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
