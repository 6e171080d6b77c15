package dev.ablation.job;

import dev.ablation.job.internal.Described;
import dev.ablation.job.internal.Shorthand;
import org.jspecify.annotations.Nullable;

/**
 * The way from pure noise to the point of a loss.
 *
 * @param steps network calls on the way
 * @param teacher which weights draw: {@code frozen-weights}, {@code current-weights} or {@code
 *     averaged-weights}, of which the training keeps an {@code average}. Default: {@code
 *     frozen-weights}
 * @param guidance scale of classifier-free guidance, at least 1, which is none. Default: 1
 */
@Shorthand("steps")
public record JobTrajectory(
    @Described(value = "Network calls on the way.", required = true, positive = true) Integer steps,
    @Described(
            value =
                "Which weights draw: `frozen-weights`, `current-weights` or `averaged-weights`, of which the training keeps an `average`. Default: `frozen-weights`.",
            oneOf = {"frozen-weights", "current-weights", "averaged-weights"})
        @Nullable String teacher,
    @Described(
            value = "Scale of classifier-free guidance, at least 1, which is none. Default: 1.",
            positive = true)
        @Nullable Double guidance) {

  /** Checks the values. */
  public JobTrajectory {
    if (guidance != null && guidance < 1) {
      throw new IllegalArgumentException("guidance must be at least 1, was " + guidance);
    }
  }
}
