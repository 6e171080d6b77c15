package dev.ablation.schedule;

import com.google.common.base.Preconditions;
import java.util.random.RandomGenerator;

/** The share of the training times is a function of a uniform number with a chosen mode. */
record ModeSampling(double scale) implements TimestepSampling {
  /** Where the function stops being monotonic. */
  private static final double MOST = 2 / (Math.PI - 2);

  ModeSampling {
    Preconditions.checkArgument(
        scale >= -1 && scale <= MOST, "scale must be in [-1, %s], was %s", MOST, scale);
  }

  @Override
  public double draw(NoiseSchedule schedule, RandomGenerator random) {
    return schedule.timeAt(share(random.nextDouble()));
  }

  /** {@return the share for a number in [0, 1)} */
  double share(double u) {
    double cosine = Math.cos(Math.PI / 2 * u);
    return Math.min(1, Math.max(0, 1 - u - scale * (cosine * cosine - 1 + u)));
  }

  @Override
  public String name() {
    return "mode(scale=%s)".formatted(scale);
  }
}
