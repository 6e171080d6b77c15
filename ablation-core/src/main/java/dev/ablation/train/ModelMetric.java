package dev.ablation.train;

import dev.ablation.model.DiffusionModel;

/** Measures the model under training. */
@FunctionalInterface
public interface ModelMetric {

  /**
   * Measures.
   *
   * @param model computes with the weights under training and records no gradients; must not be
   *     changed
   * @return the value; equal for equal weights, so random numbers need fixed seeds
   */
  double measure(DiffusionModel model);
}
