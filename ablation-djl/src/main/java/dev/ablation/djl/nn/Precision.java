package dev.ablation.djl.nn;

/** The number format in which convolutions, linear maps and attention multiply. */
public enum Precision {
  /** float32 throughout. */
  FLOAT32,
  /**
   * Factors and products in bfloat16, everything else and all that leaves a layer in float32: on
   * processors with instructions for it about twice as fast, with some noise in the gradients
   * (Kalamkar et al. 2019, arXiv 1905.12322).
   */
  BF16_MATMUL
}
