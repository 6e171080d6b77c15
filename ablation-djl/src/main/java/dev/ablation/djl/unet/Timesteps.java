package dev.ablation.djl.unet;

import ai.djl.ndarray.NDList;
import dev.ablation.djl.kernel.Kernel;
import dev.ablation.djl.kernel.Kernels;
import dev.ablation.djl.nn.Layer;

/** Timesteps (B) to sinusoidal features (B, width). */
final class Timesteps extends Layer {
  private final Kernel features;

  Timesteps(int width, boolean flipSinToCos, double freqShift) {
    features = Kernels.timeFeatures(width, flipSinToCos, freqShift);
  }

  @Override
  protected NDList call(NDList in) {
    return new NDList(features.call(in.get(0)));
  }
}
