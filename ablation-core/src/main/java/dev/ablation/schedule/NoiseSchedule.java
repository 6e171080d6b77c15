package dev.ablation.schedule;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import com.google.errorprone.annotations.CheckReturnValue;
import java.util.random.RandomGenerator;

/**
 * The forward process of a diffusion model: at time t a clean sample {@code x_0} has become
 *
 * <pre>{@code x_t = alpha(t) x_0 + sigma(t) e}</pre>
 *
 * where e is standard normal noise. {@link VariancePreservingSchedule} is the discrete process of
 * Ho et al. (2020, arXiv 2006.11239); {@link RectifiedFlow} is the straight line between sample and
 * noise of Liu et al. (2022, arXiv 2209.03003) and Lipman et al. (2022, arXiv 2210.02747).
 *
 * <p>A time is a number as the network receives it. It grows with the noise, from {@link
 * #minTime()} to {@link #maxTime()}. A model is trained at {@link #steps()} of the times; training
 * times are always drawn by the schedule, never as integers by the caller.
 *
 * <p>An implementation is an immutable value without resources, safe for every thread, with {@code
 * equals}, and with a {@code toString} that contains every number; it is stored in caches and
 * provenance.
 */
@CheckReturnValue
public interface NoiseSchedule {

  /**
   * Returns the factor of the clean sample.
   *
   * @param time from {@link #minTime()} to {@link #maxTime()}
   * @return from 0 to 1
   * @throws IllegalArgumentException if the schedule has no such time
   */
  double alpha(double time);

  /**
   * Returns the factor of the noise.
   *
   * @param time from {@link #minTime()} to {@link #maxTime()}
   * @return from 0 to 1
   * @throws IllegalArgumentException if the schedule has no such time
   */
  double sigma(double time);

  /**
   * Returns the signal-to-noise ratio {@code alpha^2 / sigma^2} (Kingma et al. 2021, arXiv
   * 2107.00630, section 3.1).
   *
   * @param time from {@link #minTime()} to {@link #maxTime()}
   * @return not negative; 0 at pure noise, infinite without noise
   * @throws IllegalArgumentException if the schedule has no such time
   */
  default double snr(double time) {
    double ratio = alpha(time) / sigma(time);
    return ratio * ratio;
  }

  /** {@return the time with the least noise} */
  double minTime();

  /** {@return the time with the most noise} */
  double maxTime();

  /** {@return the number of times that the model is trained at} */
  int steps();

  /**
   * Returns a training time.
   *
   * @param index from 0 to {@code steps() - 1}
   * @return the time; monotonic in {@code index}, in the order of the model's training code
   * @throws IndexOutOfBoundsException if there is no such index
   */
  double time(int index);

  /**
   * Returns the training time at a share of their order.
   *
   * @param share from 0 to 1
   * @return {@code time(floor(share * steps()))}
   */
  default double timeAt(double share) {
    return time((int) Math.min((long) (share * steps()), steps() - 1L));
  }

  /** {@return how the model's training draws times by default} */
  TimestepSampling timestepSampling();

  /**
   * Draws a training time by {@link #timestepSampling()}.
   *
   * @param random source of random numbers
   * @return a training time
   */
  default double drawTime(RandomGenerator random) {
    return timestepSampling().draw(this, random);
  }

  /**
   * Returns descending times from some noise level towards a clean sample, which is reached after
   * the last of them.
   *
   * @param start share of the process to start at, above 0, at most 1
   * @param count number of times, positive
   * @return evenly spaced times, at most {@code count}
   * @throws IllegalArgumentException if an argument is out of its range
   */
  double[] descendingTimes(double start, int count);

  /**
   * Creates the network's input array of times.
   *
   * @param times B times
   * @param scope owner of the result
   * @return shape {@code (B)}, of the type of the schedule: int64 for whole timesteps, float32 for
   *     continuous times
   */
  NDArray toArray(double[] times, NDManager scope);

  /**
   * Reads an array of times.
   *
   * @param timesteps of the type that {@link #toArray} makes
   * @return its values
   * @throws IllegalArgumentException if the type or a value does not fit the schedule
   */
  double[] toTimes(NDArray timesteps);

  /**
   * Returns whether a prediction type is defined on this process.
   *
   * @param type what a network predicts
   * @return whether {@link #target} and {@link #predictOriginal} accept it
   */
  boolean supports(PredictionType type);

  /**
   * Noises samples: {@code alpha(t) x0 + sigma(t) noise}.
   *
   * @param x0 clean samples, shape {@code (B, ...)}, float32
   * @param noise standard normal, shape of {@code x0}, float32
   * @param timesteps one for each sample, shape {@code (B)}, of the schedule's type
   * @return noised samples, shape of {@code x0}, attached to the manager of {@code x0}
   * @throws IllegalArgumentException naming the argument, if a shape, a type or a timestep does not
   *     fit
   */
  default NDArray addNoise(NDArray x0, NDArray noise, NDArray timesteps) {
    double[] times = NoiseSchedules.times(this, x0, timesteps);
    NoiseSchedules.checkShape("noise", noise, x0);
    return NoiseSchedules.combine(
        x0,
        NoiseSchedules.weights(times, this::alpha),
        noise,
        NoiseSchedules.weights(times, this::sigma));
  }

  /**
   * Returns what a network of some prediction type should predict, such as the noise or a velocity.
   *
   * @param type what the network predicts
   * @param x0 clean samples, shape {@code (B, ...)}, float32
   * @param noise the noise that was added, shape of {@code x0}, float32
   * @param timesteps one for each sample, shape {@code (B)}, of the schedule's type
   * @return shape of {@code x0}, always a new array, attached to the manager of {@code x0}
   * @throws IllegalArgumentException naming the argument, if a shape, a type or a timestep does not
   *     fit, or the schedule does not support the prediction type
   */
  default NDArray target(PredictionType type, NDArray x0, NDArray noise, NDArray timesteps) {
    NoiseSchedules.checkSupport(this, type);
    double[] times = NoiseSchedules.times(this, x0, timesteps);
    NoiseSchedules.checkShape("noise", noise, x0);
    if (type == PredictionType.EPSILON || type == PredictionType.SAMPLE) {
      NDArray target = type == PredictionType.EPSILON ? noise.duplicate() : x0.duplicate();
      target.attach(x0.getManager());
      return target;
    }
    return NoiseSchedules.combine(
        x0,
        NoiseSchedules.weights(times, t -> type.targetSampleWeight(alpha(t), sigma(t))),
        noise,
        NoiseSchedules.weights(times, t -> type.targetNoiseWeight(alpha(t), sigma(t))));
  }

  /**
   * Computes the clean sample that follows from a prediction (see {@link PredictionType}).
   *
   * @param type what the network predicts
   * @param sample noised samples, shape {@code (B, ...)}, float32
   * @param prediction the network's output, shape of {@code sample}, float32
   * @param timesteps one for each sample, shape {@code (B)}, of the schedule's type
   * @return predicted clean samples, shape of {@code sample}, always a new array, attached to the
   *     manager of {@code sample}
   * @throws IllegalArgumentException naming the argument, if a shape, a type or a timestep does not
   *     fit, or the schedule does not support the prediction type
   */
  default NDArray predictOriginal(
      PredictionType type, NDArray sample, NDArray prediction, NDArray timesteps) {
    NoiseSchedules.checkSupport(this, type);
    double[] times = NoiseSchedules.times(this, sample, timesteps);
    NoiseSchedules.checkShape("prediction", prediction, sample);
    return NoiseSchedules.combine(
        sample,
        NoiseSchedules.weights(times, t -> type.sampleWeight(alpha(t), sigma(t))),
        prediction,
        NoiseSchedules.weights(times, t -> type.predictionWeight(alpha(t), sigma(t))));
  }

  /** {@return the schedule of Stable Diffusion: scaled linear, 1000 steps, 0.00085 to 0.012} */
  static VariancePreservingSchedule stableDiffusion() {
    return scaledLinear(1000, 0.00085, 0.012);
  }

  /**
   * Returns the schedule whose betas grow linearly (Ho et al. 2020, section 4).
   *
   * @param steps number of timesteps, positive
   * @param betaStart beta of timestep 0, above 0
   * @param betaEnd beta of the last timestep, at most 1
   * @return the schedule
   * @throws IllegalArgumentException if a value is out of its range
   */
  static VariancePreservingSchedule linear(int steps, double betaStart, double betaEnd) {
    return VariancePreservingSchedule.linear(steps, betaStart, betaEnd);
  }

  /**
   * Returns the schedule in which the square roots of the betas grow linearly: the one of latent
   * diffusion (Rombach et al. 2022, arXiv 2112.10752; published as {@code scaled_linear}).
   *
   * @param steps number of timesteps, positive
   * @param betaStart beta of timestep 0, above 0
   * @param betaEnd beta of the last timestep, at most 1
   * @return the schedule
   * @throws IllegalArgumentException if a value is out of its range
   */
  static VariancePreservingSchedule scaledLinear(int steps, double betaStart, double betaEnd) {
    return VariancePreservingSchedule.scaledLinear(steps, betaStart, betaEnd);
  }

  /**
   * Returns the cosine schedule (Nichol and Dhariwal 2021, arXiv 2102.09672, equation 17), betas
   * cut at 0.999 (published as {@code squaredcos_cap_v2}).
   *
   * @param steps number of timesteps, positive
   * @return the schedule
   * @throws IllegalArgumentException if {@code steps} is not positive
   */
  static VariancePreservingSchedule cosine(int steps) {
    return VariancePreservingSchedule.cosine(steps);
  }

  /**
   * Returns a schedule of given betas.
   *
   * @param betas one for each timestep, above 0 and at most 1; copied
   * @return the schedule
   * @throws IllegalArgumentException if {@code betas} is empty or a value is out of range
   */
  static VariancePreservingSchedule ofBetas(double... betas) {
    return VariancePreservingSchedule.ofBetas(betas);
  }

  /**
   * {@return rectified flow without a shift, with times from 0 to 1000 and the logit-normal
   * sampling of Stable Diffusion 3; its methods change each of them}
   */
  static RectifiedFlow rectifiedFlow() {
    return RectifiedFlow.DEFAULT;
  }
}
