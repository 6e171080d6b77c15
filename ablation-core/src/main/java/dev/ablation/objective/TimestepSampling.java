package dev.ablation.objective;

import com.google.common.base.Preconditions;
import java.util.random.RandomGenerator;

/** How the timesteps of a batch are drawn. */
public enum TimestepSampling {
  /** Each on its own, all timesteps alike (Ho et al. 2020, algorithm 1). */
  UNIFORM {
    @Override
    void fill(long[] timesteps, int steps, RandomGenerator random) {
      for (int i = 0; i < timesteps.length; i++) {
        timesteps[i] = random.nextInt(steps);
      }
    }
  },

  /**
   * One from each of as many equal parts of the schedule as the batch has rows, in random order:
   * the loss of a batch varies less, its mean is the same.
   */
  STRATIFIED {
    @Override
    void fill(long[] timesteps, int steps, RandomGenerator random) {
      int count = timesteps.length;
      for (int i = 0; i < count; i++) {
        double at = (i + random.nextDouble()) / count * steps;
        timesteps[i] = Math.min((long) at, steps - 1L);
      }
      for (int i = count - 1; i > 0; i--) {
        int other = random.nextInt(i + 1);
        long swapped = timesteps[i];
        timesteps[i] = timesteps[other];
        timesteps[other] = swapped;
      }
    }
  };

  /**
   * Draws timesteps.
   *
   * @param count B, positive
   * @param steps of the noise schedule, positive
   * @param random where they come from
   * @return B timesteps from 0 to {@code steps - 1}
   */
  public long[] draw(int count, int steps, RandomGenerator random) {
    Preconditions.checkArgument(count > 0, "count must be positive, was %s", count);
    Preconditions.checkArgument(steps > 0, "steps must be positive, was %s", steps);
    long[] timesteps = new long[count];
    fill(timesteps, steps, random);
    return timesteps;
  }

  abstract void fill(long[] timesteps, int steps, RandomGenerator random);
}
