package dev.ablation.schedule;

import com.google.common.base.Preconditions;
import java.util.random.RandomGenerator;

/** One time from each part, shuffled. */
record StratifiedSampling() implements TimestepSampling {
  @Override
  public double draw(NoiseSchedule schedule, RandomGenerator random) {
    return draw(1, schedule, random)[0];
  }

  @Override
  public double[] draw(int count, NoiseSchedule schedule, RandomGenerator random) {
    Preconditions.checkArgument(count > 0, "count must be positive, was %s", count);
    double[] times = new double[count];
    for (int i = 0; i < count; i++) {
      times[i] = schedule.timeAt((i + random.nextDouble()) / count);
    }
    for (int i = count - 1; i > 0; i--) {
      int other = random.nextInt(i + 1);
      double swapped = times[i];
      times[i] = times[other];
      times[other] = swapped;
    }
    return times;
  }

  @Override
  public String name() {
    return "stratified";
  }
}
