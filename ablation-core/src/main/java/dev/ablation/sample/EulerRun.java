package dev.ablation.sample;

import ai.djl.ndarray.NDArray;
import dev.ablation.schedule.PredictionType;

/** A run of Euler's method on samples {@code x0 + s noise}. */
abstract class EulerRun extends SigmaRun {
  private final TimestepSpacing spacing;

  EulerRun(PredictionType type, double[] timesteps, double[] sigmas, TimestepSpacing spacing) {
    super(type, timesteps, sigmas);
    this.spacing = spacing;
  }

  @Override
  public final double initNoiseSigma() {
    // Leading spacing starts below the schedule's end, where the sample is not pure noise.
    return spacing == TimestepSpacing.LEADING ? Math.hypot(level(0), 1) : level(0);
  }

  @Override
  final double inputScale(int index) {
    return alpha(index);
  }

  /** Starts {@code x + (target - s) (x - x0) / s}; the caller may add to it. */
  final WeightedSum towards(double target, NDArray output, int index, NDArray sample) {
    double share = (target - level(index)) / level(index);
    try (NDArray original = predictOriginal(output, index, sample)) {
      return new WeightedSum(sample.getManager()).plus(1 + share, sample).plus(-share, original);
    }
  }
}
