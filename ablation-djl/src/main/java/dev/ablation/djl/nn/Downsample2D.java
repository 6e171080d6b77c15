package dev.ablation.djl.nn;

import ai.djl.ndarray.NDList;
import dev.ablation.djl.internal.kernel.Kernels;

/**
 * A 3x3 convolution of stride 2. With padding 0 a row below and a column at the right are padded
 * first, as in the encoder of the autoencoder.
 */
public final class Downsample2D extends Layer {
  private final Conv2d conv;
  private final boolean padRightBottom;

  /**
   * Creates a downsampler.
   *
   * @param channels that it keeps
   * @param padding zeros on every side, or 0 for right and bottom alone
   */
  public Downsample2D(int channels, int padding) {
    conv = child("conv", new Conv2d(channels, channels, 3, 2, padding));
    padRightBottom = padding == 0;
  }

  @Override
  protected NDList call(NDList in) {
    return new NDList(
        conv.apply(padRightBottom ? Kernels.PAD_RIGHT_BOTTOM.call(in.get(0)) : in.get(0)));
  }
}
