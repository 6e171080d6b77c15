package dev.ablation.sample;

/** The noise level that the last step of a solver goes to. */
public enum FinalSigma {
  /** No noise. */
  ZERO,
  /** The noise level of timestep 0. */
  SIGMA_MIN
}
