package dev.ablation.attack;

import ai.djl.ndarray.NDArray;

/**
 * Says in which direction clean latents look more like a concept (classifier guidance, Dhariwal and
 * Nichol 2021, arXiv 2105.05233; on the predicted clean sample, Bansal et al. 2023, arXiv
 * 2302.07121). The concept need not be named to the diffusion model at all.
 */
public interface LatentGuide {

  /** {@return a name that tells everything that shapes the gradients; results keep it} */
  String name();

  /**
   * Differentiates the logarithm of the concept's probability.
   *
   * @param latents predicted clean latents, (B, C, H, W), float32
   * @return the gradient of their shape, of any scale, attached to their manager
   */
  NDArray gradient(NDArray latents);
}
