package dev.ablation.job;

import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.job.internal.Described;
import dev.ablation.job.internal.Shorthand;
import org.jspecify.annotations.Nullable;

/**
 * A learning rate and its course over the steps.
 *
 * @param value the rate. Default: the preset's
 * @param schedule {@code constant} or {@code cosine}. Default: {@code constant}
 * @param warmUpSteps steps in which the rate rises. Default: 0
 * @param floor for {@code cosine}: the share of the rate after the last step. Default: 0
 */
@Shorthand("value")
@CheckReturnValue
public record JobLearningRate(
    @Described(value = "The rate. Default: the preset's.", positive = true) @Nullable Double value,
    @Described(
            value = "`constant` or `cosine`. Default: `constant`.",
            oneOf = {"constant", "cosine"})
        @Nullable String schedule,
    @Described("Steps in which the rate rises. Default: 0.") @Nullable Integer warmUpSteps,
    @Described("For `cosine`: the share of the rate after the last step. Default: 0.")
        @Nullable Double floor) {

  /** Copies and checks the values. */
  public JobLearningRate {
    if (floor != null && !"cosine".equals(schedule)) {
      throw new IllegalArgumentException("floor must stand with schedule 'cosine' alone");
    }
    if (warmUpSteps != null && warmUpSteps < 0) {
      throw new IllegalArgumentException("warmUpSteps must not be negative, was " + warmUpSteps);
    }
  }

  /**
   * Chooses a constant rate.
   *
   * @param value positive
   * @return the rate
   */
  public static JobLearningRate of(double value) {
    return new JobLearningRate(value, null, null, null);
  }
}
