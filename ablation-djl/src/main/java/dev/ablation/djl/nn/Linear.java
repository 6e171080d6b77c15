package dev.ablation.djl.nn;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.internal.kernel.Kernels;
import dev.ablation.model.LoraFactors;
import org.jspecify.annotations.Nullable;

/**
 * Linear map of the last axis: weight (out, in), bias (out) where there is one. A low-rank change
 * is a map beside it, {@code y + s (x A^T) B^T}.
 */
public final class Linear extends Layer {
  private final Weight weight;
  private final @Nullable Weight bias;
  private Precision precision = Precision.FLOAT32;

  /**
   * Creates a linear map with bias.
   *
   * @param in width
   * @param out width
   */
  public Linear(int in, int out) {
    this(in, out, true);
  }

  /**
   * Creates a linear map.
   *
   * @param in width
   * @param out width
   * @param withBias whether a bias is added
   */
  public Linear(int in, int out, boolean withBias) {
    weight = weight("weight", out, in).changeable();
    bias = withBias ? weight("bias", out) : null;
  }

  @Override
  protected void use(Precision precision) {
    this.precision = precision;
  }

  @Override
  protected NDList call(NDList in) {
    NDArray x = in.get(0);
    NDArray y =
        bias == null
            ? kernelWithoutBias().call(x, weight.operand())
            : kernel().call(x, weight.operand(), bias.operand());
    LoraFactors change = weight.change();
    return new NDList(
        change == null
            ? y
            : Kernels.addLowRankLinear(change.scale())
                .applyAndClose(y, x, change.down(), change.up()));
  }

  private Kernel kernel() {
    return precision == Precision.BF16_MATMUL ? Kernels.LINEAR_IN_BFLOAT16 : Kernels.LINEAR;
  }

  private Kernel kernelWithoutBias() {
    return precision == Precision.BF16_MATMUL
        ? Kernels.LINEAR_NO_BIAS_IN_BFLOAT16
        : Kernels.LINEAR_NO_BIAS;
  }
}
