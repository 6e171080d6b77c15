package dev.ablation.objective;

import dev.ablation.schedule.NoiseSchedule;
import java.util.function.DoubleUnaryOperator;

/** A share of one weighting and the rest of another. */
record MixedWeighting(TimestepWeighting first, double share, TimestepWeighting second)
    implements TimestepWeighting {
  @Override
  public DoubleUnaryOperator on(NoiseSchedule schedule) {
    DoubleUnaryOperator weight = first.on(schedule);
    DoubleUnaryOperator other = second.on(schedule);
    return time -> share * weight.applyAsDouble(time) + (1 - share) * other.applyAsDouble(time);
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
