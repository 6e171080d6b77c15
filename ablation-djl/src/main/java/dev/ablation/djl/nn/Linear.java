package dev.ablation.djl.nn;

import ai.djl.ndarray.NDList;
import dev.ablation.djl.kernel.Kernels;
import org.jspecify.annotations.Nullable;

/** Linear map of the last axis: weight (out, in), bias (out) where there is one. */
public final class Linear extends Layer {
  private final Weight weight;
  private final @Nullable Weight bias;

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
    weight = weight("weight", out, in);
    bias = withBias ? weight("bias", out) : null;
  }

  @Override
  protected NDList call(NDList in) {
    return new NDList(
        bias == null
            ? Kernels.LINEAR_NO_BIAS.call(in.get(0), weight.get())
            : Kernels.LINEAR.call(in.get(0), weight.get(), bias.get()));
  }
}
