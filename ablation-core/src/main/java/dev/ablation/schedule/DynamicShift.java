package dev.ablation.schedule;

import ai.djl.ndarray.types.Shape;
import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import java.util.Objects;

/**
 * A shift that depends on the number of image tokens n: {@code e^mu / (e^mu + 1 / sigma - 1)},
 * where mu is linear in n (diffusers' {@code use_dynamic_shifting}). Training levels stay as they
 * are, as in diffusers' training code. Each setter returns a copy.
 */
@CheckReturnValue
public final class DynamicShift implements SigmaShift {
  static final DynamicShift FLUX = new DynamicShift(0.5, 1.15, 256, 4096, 2, false);

  private final double baseShift;
  private final double maxShift;
  private final int baseTokens;
  private final int maxTokens;
  private final int patchSize;
  private final boolean linear;

  private DynamicShift(
      double baseShift,
      double maxShift,
      int baseTokens,
      int maxTokens,
      int patchSize,
      boolean linear) {
    Preconditions.checkArgument(
        Double.isFinite(baseShift) && Double.isFinite(maxShift),
        "baseShift and maxShift must be finite, were %s and %s",
        baseShift,
        maxShift);
    Preconditions.checkArgument(
        baseTokens > 0 && maxTokens > baseTokens,
        "baseTokens must be positive and below maxTokens, were %s and %s",
        baseTokens,
        maxTokens);
    Preconditions.checkArgument(patchSize > 0, "patchSize must be positive, was %s", patchSize);
    this.baseShift = baseShift;
    this.maxShift = maxShift;
    this.baseTokens = baseTokens;
    this.maxTokens = maxTokens;
    this.patchSize = patchSize;
    this.linear = linear;
  }

  /**
   * Changes mu at the base number of tokens.
   *
   * @param baseShift finite
   * @return a copy with the given base shift
   */
  public DynamicShift baseShift(double baseShift) {
    return new DynamicShift(baseShift, maxShift, baseTokens, maxTokens, patchSize, linear);
  }

  /**
   * Changes mu at the largest number of tokens; more tokens extrapolate.
   *
   * @param maxShift finite
   * @return a copy with the given max shift
   */
  public DynamicShift maxShift(double maxShift) {
    return new DynamicShift(baseShift, maxShift, baseTokens, maxTokens, patchSize, linear);
  }

  /**
   * Changes the numbers of image tokens between which mu is interpolated.
   *
   * @param baseTokens positive
   * @param maxTokens above {@code baseTokens}
   * @return a copy with the given values
   */
  public DynamicShift tokens(int baseTokens, int maxTokens) {
    return new DynamicShift(baseShift, maxShift, baseTokens, maxTokens, patchSize, linear);
  }

  /**
   * Changes how many latent pixels a side of a token has.
   *
   * @param patchSize positive
   * @return a copy with the given patch size
   */
  public DynamicShift patchSize(int patchSize) {
    return new DynamicShift(baseShift, maxShift, baseTokens, maxTokens, patchSize, linear);
  }

  /**
   * Changes the form of the shift.
   *
   * @param linear whether mu replaces {@code e^mu} (diffusers' {@code time_shift_type} "linear")
   * @return a copy with this setting
   */
  public DynamicShift linear(boolean linear) {
    return new DynamicShift(baseShift, maxShift, baseTokens, maxTokens, patchSize, linear);
  }

  /**
   * Returns mu.
   *
   * @param tokens number of image tokens
   * @return linear in {@code tokens}
   */
  public double mu(long tokens) {
    double slope = (maxShift - baseShift) / (maxTokens - baseTokens);
    return baseShift + slope * (tokens - baseTokens);
  }

  @Override
  public double ofSampling(double sigma, Shape latents, int steps) {
    if (sigma == 0) {
      return 0;
    }
    double mu = mu((latents.get(1) / patchSize) * (latents.get(2) / patchSize));
    double factor = linear ? mu : Math.exp(mu);
    return factor / (factor + (1 / sigma - 1));
  }

  @Override
  public String name() {
    return "dynamic(%s, mu=%s..%s, tokens=%s..%s, patch=%s)"
        .formatted(
            linear ? "linear" : "exponential",
            baseShift,
            maxShift,
            baseTokens,
            maxTokens,
            patchSize);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof DynamicShift shift && name().equals(shift.name());
  }

  @Override
  public int hashCode() {
    return Objects.hash(name());
  }

  @Override
  public String toString() {
    return name();
  }
}
