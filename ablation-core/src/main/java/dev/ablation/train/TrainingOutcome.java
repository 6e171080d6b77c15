package dev.ablation.train;

import com.google.common.base.Preconditions;
import java.util.Objects;

/**
 * How training ended.
 *
 * @param steps number of steps made
 * @param step the step whose weights are the result: the last one, unless a {@link TrainingMonitor}
 *     recorded an earlier one as the best; 0 for a trainer without steps, or if no step was better
 *     than the base model
 * @param early whether a monitor stopped it
 * @param reason in words
 */
public record TrainingOutcome(int steps, int step, boolean early, String reason) {

  /** Checks that the step is at most the number of steps. */
  public TrainingOutcome {
    Preconditions.checkArgument(
        step >= 0 && step <= steps, "step must be from 0 to %s, was %s", steps, step);
    Objects.requireNonNull(reason, "reason");
  }

  /**
   * Returns the outcome of a run that made all its steps and took the weights of the last one.
   *
   * @param steps number of steps made
   * @return the outcome
   */
  public static TrainingOutcome complete(int steps) {
    return complete(steps, steps);
  }

  /** {@return the outcome of a trainer without steps, such as a closed form} */
  public static TrainingOutcome withoutSteps() {
    return new TrainingOutcome(0, 0, false, "the weights were computed without steps");
  }

  static TrainingOutcome complete(int steps, int step) {
    return new TrainingOutcome(steps, step, false, "all steps were made");
  }
}
