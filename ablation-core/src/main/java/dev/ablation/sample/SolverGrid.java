package dev.ablation.sample;

import java.util.Arrays;

/** The timesteps of a solver and their noise levels, without the final one. */
final class SolverGrid {
  private final double[] timesteps;
  private final double[] sigmas;

  private SolverGrid(double[] timesteps, double[] sigmas) {
    this.timesteps = timesteps;
    this.sigmas = sigmas;
  }

  static SolverGrid of(
      Sigmas table,
      boolean karras,
      TimestepSpacing spacing,
      int stepsOffset,
      int trained,
      int steps) {
    if (karras) {
      Timesteps.checkSteps(steps, trained);
      double[] sigmas = Sigmas.karras(table.largest(), table.smallest(), steps);
      return new SolverGrid(
          Arrays.stream(table.timesteps(sigmas)).map(Math::rint).toArray(), sigmas);
    }
    double[] timesteps = Timesteps.exclusive(spacing, stepsOffset, trained, steps);
    return new SolverGrid(timesteps, table.at(timesteps));
  }

  /**
   * The grid of a method in the noise level: Karras levels lie between the first and the last one
   * that the spacing gives.
   */
  static SolverGrid inclusive(
      Sigmas table,
      boolean karras,
      TimestepSpacing spacing,
      int stepsOffset,
      int trained,
      int steps) {
    double[] timesteps = Timesteps.inclusive(spacing, stepsOffset, trained, steps, true);
    double[] sigmas = table.at(timesteps);
    if (!karras) {
      return new SolverGrid(timesteps, sigmas);
    }
    double[] levels = Sigmas.karras(sigmas[0], sigmas[steps - 1], steps);
    return new SolverGrid(
        Arrays.stream(table.timesteps(levels)).map(t -> (float) t).toArray(), levels);
  }

  double[] timesteps() {
    return timesteps;
  }

  double[] sigmas() {
    return sigmas;
  }
}
