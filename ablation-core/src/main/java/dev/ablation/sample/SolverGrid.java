package dev.ablation.sample;

import java.util.Arrays;

/** The timesteps of a multistep solver and their noise levels, without the final one. */
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

  double[] timesteps() {
    return timesteps;
  }

  double[] sigmas() {
    return sigmas;
  }
}
