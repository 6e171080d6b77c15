package dev.ablation.objective;

import dev.ablation.schedule.NoiseSchedule;
import java.util.Arrays;

/** A share of one weighting and the rest of another. */
record MixedWeighting(TimestepWeighting first, double share, TimestepWeighting second)
    implements TimestepWeighting {
  @Override
  public double[] weights(NoiseSchedule schedule) {
    double[] weights = first.weights(schedule);
    double[] others = second.weights(schedule);
    Arrays.setAll(weights, t -> share * weights[t] + (1 - share) * others[t]);
    return weights;
  }

  @Override
  public String name() {
    return "%s*%s+%s*%s".formatted(share, first.name(), 1 - share, second.name());
  }

  @Override
  public String toString() {
    return name();
  }
}
