package dev.ablation.schedule;

import com.google.common.base.Preconditions;
import java.util.random.RandomGenerator;

/** The share of the training times is the sigmoid of a normal number. */
record LogitNormalSampling(double mean, double deviation) implements TimestepSampling {

  LogitNormalSampling {
    Preconditions.checkArgument(Double.isFinite(mean), "mean must be finite, was %s", mean);
    Preconditions.checkArgument(
        deviation > 0 && Double.isFinite(deviation),
        "deviation must be positive, was %s",
        deviation);
  }

  @Override
  public double draw(NoiseSchedule schedule, RandomGenerator random) {
    return schedule.timeAt(share(random.nextGaussian()));
  }

  /** {@return the share for a standard normal number} */
  double share(double normal) {
    return 1 / (1 + Math.exp(-(mean + deviation * normal)));
  }

  @Override
  public String name() {
    return "logit_normal(mean=%s, deviation=%s)".formatted(mean, deviation);
  }
}
