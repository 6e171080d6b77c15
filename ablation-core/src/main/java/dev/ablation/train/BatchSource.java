package dev.ablation.train;

import ai.djl.ndarray.NDManager;
import dev.ablation.objective.TrainingBatch;
import java.util.Optional;

/**
 * The source of a trainer's pairs. A batch depends only on the step, not on earlier requests, so a
 * run can be resumed at any step.
 */
public interface BatchSource {

  /**
   * Gets ready, such as by drawing anchor images with the model's present weights. Called by the
   * run before training, or before the first batch by a trainer that {@linkplain
   * TrainerRequirements#preparesAnchorImages says so}. Calling it again does nothing.
   */
  default void prepare() {}

  /**
   * Returns the pairs of a step.
   *
   * @param step 1 for the first
   * @param size number of pairs
   * @param scope owner of the batch's arrays
   * @return the batch
   */
  TrainingBatch batch(int step, int size, NDManager scope);

  /**
   * Returns further anchor images of a step for prior preservation.
   *
   * @param step 1 for the first
   * @param size number of images
   * @param scope owner of the batch's arrays
   * @return the batch; empty if the source has none
   */
  default Optional<TrainingBatch> priorBatch(int step, int size, NDManager scope) {
    return Optional.empty();
  }
}
