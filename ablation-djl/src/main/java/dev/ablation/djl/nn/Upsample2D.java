package dev.ablation.djl.nn;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.ablation.djl.internal.kernel.Kernels;

/**
 * Nearest-neighbour upsampling and a 3x3 convolution. With one input to twice its size; with a
 * second one to the size of that, so that sizes that are no power of two fit their skip
 * connections.
 */
public final class Upsample2D extends Layer {
  private final Conv2d conv;

  /**
   * Creates an upsampler.
   *
   * @param channels that it keeps
   */
  public Upsample2D(int channels) {
    conv = child("conv", new Conv2d(channels, channels, 3));
  }

  @Override
  protected NDList call(NDList in) {
    NDArray large =
        in.size() > 1
            ? Kernels.UPSAMPLE_LIKE.call(in.get(0), in.get(1))
            : Kernels.UPSAMPLE_2X.call(in.get(0));
    return new NDList(conv.applyAndClose(large));
  }
}
