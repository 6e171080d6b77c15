package dev.ablation.schedule;

import com.google.common.base.Preconditions;
import java.util.random.RandomGenerator;

/** Uniform over a part of the training times, in the order of their noise. */
record RangeSampling(double least, double most) implements TimestepSampling {

  RangeSampling {
    Preconditions.checkArgument(
        least >= 0 && least < most && most <= 1,
        "range of times must be within 0 and 1 and not empty, was %s to %s",
        least,
        most);
  }

  @Override
  public double draw(NoiseSchedule schedule, RandomGenerator random) {
    double share = least + (most - least) * random.nextDouble();
    boolean noiseFirst = schedule.time(0) > schedule.time(schedule.steps() - 1);
    return schedule.timeAt(noiseFirst ? 1 - share : share);
  }

  @Override
  public String name() {
    return "uniform(least=%s, most=%s)".formatted(least, most);
  }
}
