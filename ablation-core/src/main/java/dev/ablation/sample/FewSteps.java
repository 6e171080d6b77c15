package dev.ablation.sample;

import com.google.common.base.Preconditions;

/** The timesteps of consistency models: some of those that the model was distilled on. */
final class FewSteps {
  /** The published distillations of Stable Diffusion. */
  static final int USUAL_DISTILLED = 50;

  private FewSteps() {}

  static void checkDistilled(int distilledSteps) {
    Preconditions.checkArgument(
        distilledSteps > 0, "distilledSteps must be positive, was %s", distilledSteps);
  }

  /**
   * Picks timesteps, falling.
   *
   * @param trained timesteps of the schedule
   * @param distilled number of timesteps that the model was distilled on, evenly spaced
   * @param steps how many are picked
   */
  static double[] of(int trained, int distilled, int steps) {
    Preconditions.checkArgument(
        distilled <= trained,
        "distilledSteps must be at most the schedule's %s, was %s",
        trained,
        distilled);
    Timesteps.checkSteps(steps, trained);
    Preconditions.checkArgument(
        steps <= distilled,
        "steps must be at most the %s that the model was distilled on, was %s",
        distilled,
        steps);
    double stride = distilled / (double) steps;
    double[] timesteps = new double[steps];
    for (int i = 0; i < steps; i++) {
      timesteps[i] = (distilled - (int) (i * stride)) * (trained / distilled) - 1;
    }
    return timesteps;
  }
}
