package dev.ablation.sample;

/** How the noise levels of {@link FlowMatchEuler} are spaced. */
public enum FlowSigmas {
  /**
   * Evenly from the largest to the smallest training level, both included, and then shifted, as
   * Stable Diffusion 3's pipeline draws. A constant shift then acts twice at the low end, since
   * training levels are shifted already.
   */
  TRAINED,
  /** {@code 1, 1 - 1/n, ..., 1/n}, then shifted, as FLUX.1's pipeline draws. */
  FRACTIONS,
  /**
   * Evenly in the 7th roots between the ends of {@link #TRAINED} (Karras et al. 2022, arXiv
   * 2206.00364, equation 5).
   */
  KARRAS,
  /** Evenly in the logarithms between the ends of {@link #TRAINED}. */
  EXPONENTIAL
}
