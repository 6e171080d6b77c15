package dev.ablation.metric;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;

/**
 * A range of plausible values of a metric, had other images been sampled.
 *
 * @param low lower end
 * @param high upper end, at least {@code low}
 * @param level the share of such intervals that contain the true value, between 0 and 1
 * @param method how the interval was computed, such as {@code "bootstrap, 1000 resamples"}
 */
@CheckReturnValue
public record ConfidenceInterval(double low, double high, double level, String method) {

  /** Checks the ranges. */
  public ConfidenceInterval {
    Preconditions.checkArgument(low <= high, "low must be at most high, were %s and %s", low, high);
    Preconditions.checkArgument(
        level > 0 && level < 1, "level must be between 0 and 1, was %s", level);
    Preconditions.checkArgument(!method.isBlank(), "method must not be blank");
  }

  /**
   * Scales both ends.
   *
   * @param factor the factor, positive
   * @return the interval of the scaled value
   */
  public ConfidenceInterval times(double factor) {
    Preconditions.checkArgument(factor > 0, "factor must be positive, was %s", factor);
    return new ConfidenceInterval(low * factor, high * factor, level, method);
  }
}
