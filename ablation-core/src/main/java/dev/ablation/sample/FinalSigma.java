package dev.ablation.sample;

/** The noise level after the last step of a solver. */
public enum FinalSigma {
  /** No noise. */
  ZERO,
  /** The noise level of timestep 0. */
  SIGMA_MIN
}
