package dev.ablation.train;

import com.google.common.base.Preconditions;

/**
 * A value that was measured on the model under training.
 *
 * @param step after which it was measured, 1 for the first; 0 before it, of the base model
 * @param name of what was measured
 * @param value any number
 */
public record Measurement(int step, String name, double value) {

  /** Checks step and name. */
  public Measurement {
    Preconditions.checkArgument(step >= 0, "step must not be negative, was %s", step);
    Preconditions.checkArgument(!name.isBlank(), "name must not be blank");
  }
}
