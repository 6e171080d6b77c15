package dev.ablation.sample;

/**
 * How the timesteps of a generation are selected from those of training (Lin et al. 2023, arXiv
 * 2305.08891, table 2). T is the number of training timesteps, n that of sampling steps.
 */
public enum TimestepSpacing {
  /** Multiples of {@code T / n}, rounded down, plus an offset: the last timestep is near 0. */
  LEADING,
  /** {@code T, T - T/n, T - 2T/n, ...} minus 1: the first timestep is T - 1. */
  TRAILING,
  /** Evenly from T - 1 to 0, both included where the method needs the last one. */
  LINSPACE
}
