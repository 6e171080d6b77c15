package dev.ablation.train;

import java.time.Duration;
import java.util.Objects;
import java.util.OptionalLong;

/**
 * What a few steps of a {@link StepwiseTrainer} took, measured after a first one that warmed up,
 * with random latents in place of the anchors'. ForwardPassCounter count latents that go through
 * the denoising network, one timestep each.
 *
 * {@snippet class="dev.ablation.Snippets" region="estimate"}
 *
 * @param pairEvaluations of a step, for its pairs: with and without gradients, preservation
 *     included
 * @param priorEvaluations of a step, for prior preservation
 * @param step how long a training step takes
 * @param anchorEvaluation how long an evaluation for anchors takes; zero if there are none to draw
 * @param peakBytes memory that training took at its peak beside the model, measured: of the process
 *     on a CPU, of the device on a GPU; empty where it cannot be told
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
