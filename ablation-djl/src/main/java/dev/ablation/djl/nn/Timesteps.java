package dev.ablation.djl.nn;

import ai.djl.ndarray.NDList;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.internal.kernel.Kernels;

/** Timesteps (B) to sinusoidal features (B, width). */
public final class Timesteps extends Layer {
  private final Kernel features;

  /**
   * Creates the layer, which has no weights.
   *
   * @param width even
   * @param flipSinToCos cosines first
   * @param freqShift subtracted from the number of frequencies in the exponent
   */
  public Timesteps(int width, boolean flipSinToCos, double freqShift) {
    features = Kernels.timeFeatures(width, flipSinToCos, freqShift);
  }

  @Override
  protected NDList call(NDList in) {
    return new NDList(narrowed(features.call(in.get(0))));
  }
}
