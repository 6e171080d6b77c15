package dev.ablation.attack;

import ai.djl.ndarray.NDArray;
import dev.ablation.metric.ExtractorInfo;
import dev.ablation.model.DiffusionModel;
import java.util.Optional;

/**
 * The direction in which clean latents resemble a concept more (classifier guidance, Dhariwal and
 * Nichol 2021, arXiv 2105.05233; on the predicted clean sample, Bansal et al. 2023, arXiv
 * 2302.07121). The diffusion model's prompt does not need to name the concept.
 */
public interface LatentGuide {

  /** {@return a name with every setting that affects the gradients; stored in results} */
  String name();

  /**
   * {@return whose gradient it is; empty if no evaluator's} Images that please an evaluator need
   * not show the concept, so as a judge it says nothing about them.
   */
  default Optional<ExtractorInfo> evaluator() {
    return Optional.empty();
  }

  /**
   * Checks that it can guide a model's latents. Called before any long computation.
   *
   * @param model the base model
   * @throws IllegalArgumentException if it is of another model
   * @throws dev.ablation.error.UnsupportedCapabilityException if the model lacks a capability
   */
  default void check(DiffusionModel model) {}

  /**
   * Differentiates the logarithm of the concept's probability.
   *
   * @param latents predicted clean latents, (B, C, H, W), float32
   * @return the gradient of their shape, of any scale, attached to their manager
   */
  NDArray gradient(NDArray latents);
}
