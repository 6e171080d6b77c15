package dev.ablation.train;

import ai.djl.ndarray.NDManager;
import dev.ablation.objective.TrainingBatch;
import java.util.Optional;

/**
 * Where a trainer's pairs come from. A batch depends on the step alone, not on which batches were
 * asked for before, so that a run can be continued at any step.
 */
public interface BatchSource {

  /**
   * Returns the pairs of a step.
   *
   * @param step 1 for the first
   * @param size how many pairs
   * @param scope owner of the batch's arrays
   * @return the batch
   */
  TrainingBatch batch(int step, int size, NDManager scope);

  /**
   * Returns further anchor images of a step for prior preservation.
   *
   * @param step 1 for the first
   * @param size how many images
   * @param scope owner of the batch's arrays
   * @return the batch; empty if the source has none
   */
  default Optional<TrainingBatch> priorBatch(int step, int size, NDManager scope) {
    return Optional.empty();
  }
}
