package dev.ablation.model;

import dev.ablation.model.Differentiable.GradientOptions;
import java.util.List;

/**
 * Capability: gradients with respect to low-rank changes of weights ({@link Lora}) in place of the
 * weights themselves. The weights are not copied: with the change switched off the network is the
 * original one, so a teacher with frozen weights needs no memory.
 *
 * {@snippet class="dev.ablation.testing.TinyTraining" region="low-rank"}
 */
public interface LoraTraining {

  /**
   * Returns whether a weight can be changed in low-rank form. Linear maps and convolutions can be;
   * biases, normalisations and tables of embeddings cannot.
   *
   * @param weight name of {@link Weights}
   * @return whether {@link #train} accepts it
   * @throws IllegalArgumentException if the name is unknown
   */
  boolean hasLowRankForm(String weight);

  /**
   * Starts training low-rank changes of some weights. The trained arrays of the session are A and B
   * of each weight, in this order, under the weight's name followed by {@link LoraFactors#DOWN} and
   * {@link LoraFactors#UP}; their initial values are those of {@link Lora#initial}. {@link
   * Weights#get} still returns the weight without its change.
   *
   * @param weights names of {@link Weights}, at least one, each of low-rank form
   * @param lora rank, alpha and start
   * @param seed of the run, for A
   * @param options how gradients flow; its rows must be empty
   * @return the open session; closing it ends the change
   * @throws IllegalArgumentException if a name is unknown or given twice, or a weight has no
   *     low-rank form, or rows are given
   * @throws IllegalStateException if this model is in a session already
   */
  TrainingSession train(List<String> weights, Lora lora, long seed, GradientOptions options);
}
