package dev.ablation.sample;

import com.google.common.base.Preconditions;
import java.util.Objects;

/**
 * How a {@link LatentSampler} draws; an immutable value that provenance can keep.
 *
 * @param sampler the numerical method
 * @param steps number of sampling steps, positive
 * @param guidanceScale weight g of classifier-free guidance (Ho and Salimans 2022, arXiv
 *     2207.12598, in the notation of equation 6 with {@code g = 1 + w}); up to 1 there is no
 *     guidance and the network sees each image once per step in place of twice
 * @param negativePrompt what to guide away from; empty is the unconditional prompt
 * @param batchSize most images at a time, positive
 */
public record SamplingSettings(
    Sampler sampler, int steps, double guidanceScale, String negativePrompt, int batchSize) {

  /** Checks the ranges. */
  public SamplingSettings {
    Objects.requireNonNull(sampler, "sampler");
    Objects.requireNonNull(negativePrompt, "negativePrompt");
    Preconditions.checkArgument(steps > 0, "steps must be positive, was %s", steps);
    Preconditions.checkArgument(
        guidanceScale >= 0 && Double.isFinite(guidanceScale),
        "guidanceScale must be finite and not negative, was %s",
        guidanceScale);
    Preconditions.checkArgument(batchSize > 0, "batchSize must be positive, was %s", batchSize);
  }

  /**
   * {@return DPM-Solver++ with 25 steps, guidance 7.5, no negative prompt, four images at a time}
   */
  public static SamplingSettings defaults() {
    return new SamplingSettings(Sampler.dpmSolverPlusPlus(), 25, 7.5, "", 4);
  }

  /** {@return whether each step needs an unconditional prediction too} */
  public boolean guided() {
    return guidanceScale > 1;
  }

  /**
   * Returns a variant with another method.
   *
   * @param sampler the numerical method
   * @return the variant
   */
  public SamplingSettings sampler(Sampler sampler) {
    return new SamplingSettings(sampler, steps, guidanceScale, negativePrompt, batchSize);
  }

  /**
   * Returns a variant with more or fewer steps.
   *
   * @param steps positive
   * @return the variant
   */
  public SamplingSettings steps(int steps) {
    return new SamplingSettings(sampler, steps, guidanceScale, negativePrompt, batchSize);
  }

  /**
   * Returns a variant with another guidance.
   *
   * @param guidanceScale not negative; up to 1 for none
   * @return the variant
   */
  public SamplingSettings guidanceScale(double guidanceScale) {
    return new SamplingSettings(sampler, steps, guidanceScale, negativePrompt, batchSize);
  }

  /**
   * Returns a variant with another negative prompt.
   *
   * @param negativePrompt what to guide away from; empty is the unconditional prompt
   * @return the variant
   */
  public SamplingSettings negativePrompt(String negativePrompt) {
    return new SamplingSettings(sampler, steps, guidanceScale, negativePrompt, batchSize);
  }

  /**
   * Returns a variant with larger or smaller batches. The images do not depend on it, beyond the
   * rounding of the network.
   *
   * @param batchSize positive
   * @return the variant
   */
  public SamplingSettings batchSize(int batchSize) {
    return new SamplingSettings(sampler, steps, guidanceScale, negativePrompt, batchSize);
  }
}
