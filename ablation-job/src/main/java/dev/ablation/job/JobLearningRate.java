package dev.ablation.job;

import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.job.internal.Described;
import dev.ablation.job.internal.Shorthand;
import org.jspecify.annotations.Nullable;

/**
 * A learning rate and its course over the steps.
 *
 * @param value the rate. Default: the preset's
 * @param schedule {@code constant}, {@code cosine} or {@code cosine-with-restarts}. Default: {@code
 *     constant}
 * @param warmUpSteps steps in which the rate rises. Default: 0
 * @param floor for {@code cosine}: the share of the rate after the last step. Default: 0
 * @param cycles for {@code cosine-with-restarts}: how often the rate falls. Default: 1
 */
@Shorthand("value")
@CheckReturnValue
public record JobLearningRate(
    @Described(value = "The rate. Default: the preset's.", positive = true) @Nullable Double value,
    @Described(
            value = "`constant`, `cosine` or `cosine-with-restarts`. Default: `constant`.",
            oneOf = {"constant", "cosine", "cosine-with-restarts"})
        @Nullable String schedule,
    @Described("Steps in which the rate rises. Default: 0.") @Nullable Integer warmUpSteps,
    @Described("For `cosine`: the share of the rate after the last step. Default: 0.")
        @Nullable Double floor,
    @Described(
            value = "For `cosine-with-restarts`: how often the rate falls. Default: 1.",
            positive = true)
        @Nullable Integer cycles) {

  /** Copies and checks the values. */
  public JobLearningRate {
    if (floor != null && !"cosine".equals(schedule)) {
      throw new IllegalArgumentException("floor must stand with schedule 'cosine' alone");
    }
    if (cycles != null && !"cosine-with-restarts".equals(schedule)) {
      throw new IllegalArgumentException(
          "cycles must stand with schedule 'cosine-with-restarts' alone");
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
    return new JobLearningRate(value, null, null, null, null);
  }

  /**
   * Chooses a rate that rises and then falls several times, starting again in between.
   *
   * @param value positive
   * @param warmUpSteps steps in which it rises, not negative
   * @param cycles how often it falls, positive
   * @return the rate
   */
  public static JobLearningRate cosineWithRestarts(double value, int warmUpSteps, int cycles) {
    return new JobLearningRate(value, "cosine-with-restarts", warmUpSteps, null, cycles);
  }
}
