package dev.ablation.train;

import java.time.Duration;
import java.util.Objects;

/**
 * The cost of a few steps of a {@link StepwiseTrainer}, measured after a warm-up step, with random
 * latents instead of the anchors'. A forward pass is one latent through the denoising network at
 * one timestep.
 *
 * {@snippet class="dev.ablation.Snippets" region="estimate"}
 *
 * @param pairEvaluations forward passes of a step for its pairs, with and without gradients,
 *     including preservation
 * @param priorEvaluations forward passes of a step for prior preservation
 * @param step duration of a training step
 * @param anchorEvaluation duration of a forward pass for anchors; zero if there are none to draw
 */
public record StepCost(
    long pairEvaluations, long priorEvaluations, Duration step, Duration anchorEvaluation) {

  /** Checks that nothing is null. */
  public StepCost {
    Objects.requireNonNull(step, "step");
    Objects.requireNonNull(anchorEvaluation, "anchorEvaluation");
  }
}
