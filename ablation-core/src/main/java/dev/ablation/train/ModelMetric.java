package dev.ablation.train;

import dev.ablation.model.DiffusionModel;

/** Measures the model under training. */
@FunctionalInterface
public interface ModelMetric {

  /**
   * Measures.
   *
   * @param model computes with the weights under training and records no gradients; to be left as
   *     it is
   * @return the value; the same for the same weights, so everything random in it has seeds of its
   *     own
   */
  double measure(DiffusionModel model);
}
