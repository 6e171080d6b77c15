package dev.ablation.schedule;

/** What a denoising network predicts from a noised sample. */
public enum PredictionType {
  /** The noise that was added (Ho et al. 2020, arXiv 2006.11239). */
  EPSILON,
  /** The velocity {@code sqrt(a) * noise - sqrt(1 - a) * x0} (Salimans and Ho 2022, arXiv 2202.00512). */
  V_PREDICTION,
  /** The clean sample itself. */
  SAMPLE
}
