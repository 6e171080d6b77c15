package dev.ablation.job;

import dev.ablation.job.internal.Described;
import dev.ablation.job.internal.Shorthand;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Training against fine-tuning: every few steps redirection looks at the weights that a fine-tuner
 * would have.
 *
 * @param everySteps interval in steps of training
 * @param steps of the fine-tuner. Default: 3
 * @param radius 2-norm of each of its steps over all trained weights. Default: 0.1
 */
@Shorthand("everySteps")
public record JobRelearning(
    @Described(value = "Interval in steps of training.", required = true, positive = true)
        Integer everySteps,
    @Described(value = "Steps of the fine-tuner. Default: 3.", positive = true)
        @Nullable Integer steps,
    @Described(
            value = "2-norm of each of its steps over all trained weights. Default: 0.1.",
            positive = true)
        @Nullable Double radius) {

  /** Checks that there is an interval. */
  public JobRelearning {
    Objects.requireNonNull(everySteps, "everySteps");
  }
}
