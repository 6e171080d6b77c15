package dev.ablation.objective;

/** What prior preservation trains the network to predict. */
public enum PriorTarget {
  /** What a denoising network of its kind predicts: noise, velocity or clean latents. */
  DENOISING,
  /**
   * The noise, whatever the network predicts: the reference implementation's choice with the
   * model-based objective, which is wrong for networks that predict a velocity. Only to reproduce
   * it.
   */
  NOISE
}
