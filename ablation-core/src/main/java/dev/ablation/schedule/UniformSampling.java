package dev.ablation.schedule;

import java.util.random.RandomGenerator;

/**
 * Must not change, so that old runs can resume from their random streams: one bounded integer per
 * time.
 */
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
