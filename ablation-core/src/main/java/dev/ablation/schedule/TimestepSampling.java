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
   * Returns the uniform sampling of a range of noise levels, such as the upper half for what
   * decides the composition of an image.
   *
   * @param least where the range begins among the training times in the order of their noise, from
   *     0, the one with the least noise
   * @param most where the range ends, above {@code least}, at most 1
   * @return the sampling
   */
  static TimestepSampling uniform(double least, double most) {
    return new RangeSampling(least, most);
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

  /**
   * Returns the sampling with heavy tails, whose share is {@code 1 - u - scale (cos(pi u / 2)^2 - 1
   * + u)} with a uniform u (Esser et al. 2024, arXiv 2403.03206, equation 20; diffusers' {@code
   * mode}). Positive scales prefer the middle of the training times, negative ones both ends.
   *
   * @param scale from -1 to {@code 2 / (pi - 2)}, beyond which the density is not one; 1.29 is the
   *     paper's choice
   * @return the sampling
   */
  static TimestepSampling mode(double scale) {
    return new ModeSampling(scale);
  }
}
