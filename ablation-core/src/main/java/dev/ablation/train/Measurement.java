package dev.ablation.train;

import com.google.common.base.Preconditions;

/**
 * A value that was measured on the model under training.
 *
 * @param step the step after which it was measured, from 1; 0 for the base model before the first
 *     step
 * @param name name of the value
 * @param value any number
 */
public record Measurement(int step, String name, double value) {

  /** Checks step and name. */
  public Measurement {
    Preconditions.checkArgument(step >= 0, "step must not be negative, was %s", step);
    Preconditions.checkArgument(!name.isBlank(), "name must not be blank");
  }
}
