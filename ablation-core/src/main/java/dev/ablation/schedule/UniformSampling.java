package dev.ablation.schedule;

import java.util.random.RandomGenerator;

/** Old runs are continued from their random streams: one bounded integer a time. */
record UniformSampling() implements TimestepSampling {
  @Override
  public double draw(NoiseSchedule schedule, RandomGenerator random) {
    return schedule.time(random.nextInt(schedule.steps()));
  }

  @Override
  public String name() {
    return "uniform";
  }
}
