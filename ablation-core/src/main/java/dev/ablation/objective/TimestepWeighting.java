package dev.ablation.objective;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.schedule.NoiseSchedule;
import java.util.Objects;
import java.util.function.DoubleUnaryOperator;

/**
 * How much the error at each timestep counts in a denoising loss. All weightings are scaled to a
 * mean of 1 over the training times, so that the learning rate keeps its meaning.
 *
 * <p>The plain error of predicted noise gives little weight to the timesteps with much noise, where
 * the text decides what the image becomes; {@link #inverseSnr} lifts them. {@link #minSnr} bounds
 * what the timesteps with little noise get.
 */
@CheckReturnValue
public interface TimestepWeighting {

  /**
   * Computes the weights on a schedule.
   *
   * @param schedule signal-to-noise ratio of the times
   * @return from a time of the schedule to its weight: not negative, with mean 1 over the {@link
   *     NoiseSchedule#steps()} training times
   */
  DoubleUnaryOperator on(NoiseSchedule schedule);

  /** {@return the name that provenance keeps; it names every number that shapes the weights} */
  String name();

  /** {@return the same weight for every timestep (Ho et al. 2020, equation 14)} */
  static TimestepWeighting uniform() {
    return new NamedWeighting("uniform", snr -> 1);
  }

  /**
   * Weights proportional to {@code 1 / (snr + offset)}.
   *
   * @param offset positive, bounds the weights of the noisiest timesteps
   * @return the weighting
   */
  static TimestepWeighting inverseSnr(double offset) {
    Preconditions.checkArgument(
        offset > 0 && Double.isFinite(offset), "offset must be positive, was %s", offset);
    return new NamedWeighting("1/(snr+%s)".formatted(offset), snr -> 1 / (snr + offset));
  }

  /**
   * Weights proportional to {@code min(snr, bound) / snr}, for a network that predicts noise (Hang
   * et al. 2023, arXiv 2303.09556, section 3.4). Where there is only noise the weight is 1.
   *
   * @param bound gamma of the paper, positive
   * @return the weighting
   */
  static TimestepWeighting minSnr(double bound) {
    Preconditions.checkArgument(
        bound > 0 && Double.isFinite(bound), "bound must be positive, was %s", bound);
    return new NamedWeighting(
        "min(snr,%s)/snr".formatted(bound), snr -> snr <= bound ? 1 : bound / snr);
  }

  /**
   * Mixes this weighting with another one.
   *
   * @param share of this weighting, from 0 to 1; the other one has the rest
   * @param other the other weighting
   * @return the mixture
   */
  default TimestepWeighting mixedWith(double share, TimestepWeighting other) {
    Preconditions.checkArgument(
        share >= 0 && share <= 1, "share must be from 0 to 1, was %s", share);
    Objects.requireNonNull(other, "other");
    return new MixedWeighting(this, share, other);
  }
}
