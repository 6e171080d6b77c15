package dev.ablation.train;

import java.time.Duration;
import java.util.Objects;
import java.util.OptionalLong;

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
 * @param peakBytes measured peak memory of training beside the model, in bytes: of the process on a
 *     CPU, of the device on a GPU; empty if it cannot be measured
 */
public record StepCost(
    long pairEvaluations,
    long priorEvaluations,
    Duration step,
    Duration anchorEvaluation,
    OptionalLong peakBytes) {

  /** Checks that nothing is null. */
  public StepCost {
    Objects.requireNonNull(step, "step");
    Objects.requireNonNull(anchorEvaluation, "anchorEvaluation");
    Objects.requireNonNull(peakBytes, "peakBytes");
  }
}
