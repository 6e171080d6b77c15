package dev.ablation.objective;

import dev.ablation.schedule.NoiseSchedule;
import java.util.Arrays;
import java.util.function.DoubleUnaryOperator;

/** Weights that follow from the signal-to-noise ratio by a formula. */
record NamedWeighting(String name, DoubleUnaryOperator ofSnr) implements TimestepWeighting {
  @Override
  public double[] weights(NoiseSchedule schedule) {
    double[] weights = new double[schedule.steps()];
    Arrays.setAll(weights, t -> ofSnr.applyAsDouble(schedule.snr(t)));
    double mean = Arrays.stream(weights).average().orElseThrow();
    Arrays.setAll(weights, t -> weights[t] / mean);
    return weights;
  }

  @Override
  public String toString() {
    return name;
  }
}
