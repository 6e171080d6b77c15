package dev.ablation.train;

import com.google.common.base.Preconditions;
import java.util.Objects;

/**
 * How training ended.
 *
 * @param steps how many were made
 * @param step whose weights were taken: the last one, unless a {@link TrainingMonitor} called an
 *     earlier one the best; 0 for a trainer without steps, and where nothing was better than the
 *     base
 * @param early whether a monitor stopped it
 * @param reason in words
 */
public record TrainingOutcome(int steps, int step, boolean early, String reason) {

  /** Checks that the step was made. */
  public TrainingOutcome {
    Preconditions.checkArgument(
        step >= 0 && step <= steps, "step must be from 0 to %s, was %s", steps, step);
    Objects.requireNonNull(reason, "reason");
  }

  /**
   * Returns the ending of a run that made all its steps and took the weights of the last.
   *
   * @param steps how many were made
   * @return the ending
   */
  public static TrainingOutcome complete(int steps) {
    return complete(steps, steps);
  }

  /** {@return the ending of a trainer that makes no steps, such as a closed form} */
  public static TrainingOutcome withoutSteps() {
    return new TrainingOutcome(0, 0, false, "the weights were computed without steps");
  }

  static TrainingOutcome complete(int steps, int step) {
    return new TrainingOutcome(steps, step, false, "all steps were made");
  }
}
