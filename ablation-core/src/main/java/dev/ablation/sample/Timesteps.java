package dev.ablation.sample;

import com.google.common.base.Preconditions;
import java.util.function.IntToDoubleFunction;

/**
 * Picks the timesteps of a generation. Rounding is to the nearest integer, ties to even, and sums
 * run in the order of the published implementations, so that ties fall on the same side.
 */
final class Timesteps {
  private Timesteps() {}

  /**
   * Timesteps of DDPM, DDIM, PNDM and Euler: n of them, of which {@link TimestepSpacing#LINSPACE}
   * includes both ends.
   *
   * @param fractions whether linspace keeps its fractions, rounded to float32
   */
  static double[] inclusive(
      TimestepSpacing spacing, int offset, int trained, int steps, boolean fractions) {
    checkSteps(steps, trained);
    switch (spacing) {
      case LEADING:
        int ratio = trained / steps;
        // With as many steps as timesteps the offset would lead out of the schedule.
        int shift = Math.min(offset, trained - 1 - (steps - 1) * ratio);
        return falling(steps, k -> k * ratio + shift);
      case TRAILING:
        return trailing(trained, steps);
      default:
        double step = steps == 1 ? 0 : (trained - 1) / (double) (steps - 1);
        return falling(
            steps,
            k -> {
              double value = k == steps - 1 && k > 0 ? trained - 1 : k * step;
              return fractions ? (float) value : Math.rint(value);
            });
    }
  }

  /**
   * Timesteps of the multistep solvers: the largest n of n + 1, since the last step goes to the
   * final noise level.
   */
  static double[] exclusive(TimestepSpacing spacing, int offset, int trained, int steps) {
    checkSteps(steps, trained);
    Preconditions.checkArgument(
        steps < trained || spacing == TimestepSpacing.TRAILING,
        "steps must be below the schedule's %s with %s spacing, was %s",
        trained,
        spacing,
        steps);
    switch (spacing) {
      case LEADING:
        int ratio = trained / (steps + 1);
        int shift = Math.min(offset, trained - 1 - steps * ratio);
        return falling(steps, k -> (k + 1) * ratio + shift);
      case TRAILING:
        return trailing(trained, steps);
      default:
        double step = (trained - 1) / (double) steps;
        return falling(steps, k -> k == steps - 1 ? trained - 1 : Math.rint((k + 1) * step));
    }
  }

  private static double[] trailing(int trained, int steps) {
    double ratio = trained / (double) steps;
    double difference = trained - ratio - trained;
    double[] timesteps = new double[steps];
    for (int i = 0; i < steps; i++) {
      timesteps[i] = Math.rint(trained + i * difference) - 1;
    }
    return timesteps;
  }

  private static double[] falling(int steps, IntToDoubleFunction rising) {
    double[] timesteps = new double[steps];
    for (int k = 0; k < steps; k++) {
      timesteps[steps - 1 - k] = rising.applyAsDouble(k);
    }
    return timesteps;
  }

  static void checkSteps(int steps, int trained) {
    Preconditions.checkArgument(steps > 0, "steps must be positive, was %s", steps);
    Preconditions.checkArgument(
        steps <= trained, "steps must be at most the schedule's %s, was %s", trained, steps);
  }
}
