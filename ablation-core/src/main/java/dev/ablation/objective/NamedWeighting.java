package dev.ablation.objective;

import dev.ablation.schedule.NoiseSchedule;
import java.util.Arrays;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.IntStream;

/** Weights that follow from the signal-to-noise ratio by a formula. */
record NamedWeighting(String name, DoubleUnaryOperator ofSnr) implements TimestepWeighting {
  @Override
  public DoubleUnaryOperator on(NoiseSchedule schedule) {
    double[] weights =
        IntStream.range(0, schedule.steps())
            .mapToDouble(i -> ofSnr.applyAsDouble(schedule.snr(schedule.time(i))))
            .toArray();
    double mean = Arrays.stream(weights).average().orElseThrow();
    return time -> ofSnr.applyAsDouble(schedule.snr(time)) / mean;
  }

  @Override
  public String toString() {
    return name;
  }
}
