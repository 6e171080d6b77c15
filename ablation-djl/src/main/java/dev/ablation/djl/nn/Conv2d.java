package dev.ablation.djl.nn;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.internal.kernel.Kernels;
import dev.ablation.model.LoraFactors;

/**
 * Convolution with bias: weight (out, in, k, k), bias (out). A low-rank change is a convolution to
 * r channels beside it, followed by one of size 1.
 */
public final class Conv2d extends Layer {
  private final Weight weight;
  private final Weight bias;
  private final int stride;
  private final int padding;
  private Kernel kernel;

  /**
   * Creates a convolution that keeps height and width.
   *
   * @param in channels
   * @param out channels
   * @param size of the kernel, odd
   */
  public Conv2d(int in, int out, int size) {
    this(in, out, size, 1, size / 2);
  }

  /**
   * Creates a convolution.
   *
   * @param in channels
   * @param out channels
   * @param size of the kernel
   * @param stride in both directions
   * @param padding zeros on every side
   */
  public Conv2d(int in, int out, int size, int stride, int padding) {
    weight = weight("weight", out, in, size, size).changeable();
    bias = weight("bias", out);
    this.stride = stride;
    this.padding = padding;
    kernel = Kernels.conv2d(stride, padding);
  }

  @Override
  protected void use(Precision precision) {
    kernel =
        precision == Precision.BF16_MATMUL
            ? Kernels.conv2dInBfloat16(stride, padding)
            : Kernels.conv2d(stride, padding);
  }

  @Override
  protected NDList call(NDList in) {
    NDArray x = in.get(0);
    NDArray y = kernel.call(x, weight.operand(), bias.operand());
    LoraFactors change = weight.change();
    return new NDList(
        change == null
            ? y
            : Kernels.addLowRankConv2d(stride, padding, change.scale())
                .applyAndClose(y, x, change.down(), change.up()));
  }
}
