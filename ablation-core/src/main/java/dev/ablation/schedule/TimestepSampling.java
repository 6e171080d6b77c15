package dev.ablation.schedule;

import com.google.common.base.Preconditions;
import java.util.random.RandomGenerator;

/**
 * How training draws times from the {@link NoiseSchedule#steps()} training times of a schedule. An
 * immutable value with {@code equals}.
 */
public interface TimestepSampling {

  /**
   * Draws one time.
   *
   * @param schedule whose training times are drawn
   * @param random source of random numbers
   * @return a training time
   */
  double draw(NoiseSchedule schedule, RandomGenerator random);

  /**
   * Draws the times of a batch; by default independently.
   *
   * @param count B, positive
   * @param schedule whose training times are drawn
   * @param random source of random numbers
   * @return B training times
   */
  default double[] draw(int count, NoiseSchedule schedule, RandomGenerator random) {
    Preconditions.checkArgument(count > 0, "count must be positive, was %s", count);
    double[] times = new double[count];
    for (int i = 0; i < count; i++) {
      times[i] = draw(schedule, random);
    }
    return times;
  }

  /** {@return the name for provenance, with every number} */
  String name();

  /** {@return uniform over all training times (Ho et al. 2020, algorithm 1)} */
  static TimestepSampling uniform() {
    return new UniformSampling();
  }

  /**
   * {@return one time from each of as many equal parts of the training times as the batch has rows,
   * in random order: the loss of a batch varies less, its mean is the same}
   */
  static TimestepSampling stratified() {
    return new StratifiedSampling();
  }

  /**
   * Returns the sampling that prefers the middle of the training times: the share is {@code
   * sigmoid(mean + deviation z)} with a standard normal z (Esser et al. 2024, arXiv 2403.03206,
   * equation 19; diffusers' {@code logit_normal}).
   *
   * @param mean finite; 0 for Stable Diffusion 3
   * @param deviation positive; 1 for Stable Diffusion 3
   * @return the sampling
   */
  static TimestepSampling logitNormal(double mean, double deviation) {
    return new LogitNormalSampling(mean, deviation);
  }
}
