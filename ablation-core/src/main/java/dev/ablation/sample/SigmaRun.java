package dev.ablation.sample;

import dev.ablation.schedule.PredictionType;

/**
 * A run on noise levels s. The network's input has {@code alpha = 1 / sqrt(s^2 + 1)} and {@code
 * sigma = s / sqrt(s^2 + 1)} (Karras et al. 2022, arXiv 2206.00364, appendix C.1, solved for the
 * scale).
 */
abstract class SigmaRun extends BaseRun {
  /** Noise levels before each step, and the final one. */
  private final double[] sigmas;

  SigmaRun(PredictionType type, double[] timesteps, double[] sigmas) {
    super(type, timesteps, 0);
    this.sigmas = sigmas;
  }

  final double level(int index) {
    return sigmas[index];
  }

  @Override
  public final double[] sigmas() {
    return sigmas.clone();
  }

  @Override
  double alpha(int index) {
    return 1 / Math.sqrt(sigmas[index] * sigmas[index] + 1);
  }

  @Override
  double sigma(int index) {
    return sigmas[index] / Math.sqrt(sigmas[index] * sigmas[index] + 1);
  }

  /**
   * Half the logarithm of the signal-to-noise ratio, {@code log(alpha / sigma)}; infinite without
   * noise.
   */
  final double lambda(int index) {
    return -Math.log(sigmas[index]);
  }
}
