package dev.ablation.djl.nn;

import ai.djl.ndarray.NDList;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.internal.kernel.Kernels;

/** Layer normalisation of the last axis: weight and bias (width). */
public final class LayerNorm extends Layer {
  private final Weight weight;
  private final Weight bias;
  private final Kernel kernel;

  /**
   * Creates a layer normalisation.
   *
   * @param width of the last axis
   * @param epsilon added to the variance
   */
  public LayerNorm(int width, double epsilon) {
    weight = weight("weight", width);
    bias = weight("bias", width);
    kernel = Kernels.layerNorm(width, epsilon);
  }

  @Override
  protected NDList call(NDList in) {
    return new NDList(kernel.call(in.get(0), weight.operand(), bias.operand()));
  }
}
