package dev.ablation.djl.nn;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.internal.kernel.Kernels;

/** Group normalisation: weight and bias (channels). */
public final class GroupNorm extends Layer {
  private final Weight weight;
  private final Weight bias;
  private final Kernel kernel;
  private final Kernel withSilu;

  /**
   * Creates a group normalisation.
   *
   * @param groups that the channels are divided into
   * @param channels a multiple of {@code groups}
   * @param epsilon added to the variance
   */
  public GroupNorm(int groups, int channels, double epsilon) {
    if (groups < 1 || channels % groups != 0) {
      throw new IllegalArgumentException(
          "channels must be a multiple of norm_num_groups, were %d and %d"
              .formatted(channels, groups));
    }
    weight = weight("weight", channels);
    bias = weight("bias", channels);
    kernel = Kernels.groupNorm(groups, epsilon);
    withSilu = Kernels.groupNormSilu(groups, epsilon);
  }

  @Override
  protected NDList call(NDList in) {
    return new NDList(kernel.call(in.get(0), weight.operand(), bias.operand()));
  }

  /**
   * Normalises and activates, in one kernel where the activation is SiLU.
   *
   * @param x shape (B, channels, ...)
   * @param activation that follows
   * @return of the shape of {@code x}
   */
  public NDArray applyThen(Activation activation, NDArray x) {
    if (activation == Activation.SILU && !isObserved()) {
      return withSilu.call(x, weight.operand(), bias.operand());
    }
    return activation.apply(apply(x));
  }
}
