package dev.ablation.objective;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.schedule.PredictionType;
import java.util.List;
import java.util.Optional;

/**
 * What an objective may look at in one training step. Everything here is freed when the step ends:
 * copy what must outlive it.
 */
public interface ObjectiveContext {

  /** {@return the pairs to train on} */
  TrainingBatch batch();

  /**
   * {@return further anchor images for prior preservation, of which the anchor prompts count; empty
   * unless the trainer was told to draw them}
   */
  Optional<TrainingBatch> priorBatch();

  /**
   * Predicts with the weights under training and records gradients.
   *
   * @param batch whose latents are noised by its noise to its timesteps
   * @param prompts one a row of the batch
   * @return shape (B, C, H, W)
   */
  NDArray predict(TrainingBatch batch, List<String> prompts);

  /**
   * Predicts without recording gradients.
   *
   * @param teacher which weights predict
   * @param batch whose latents are noised by its noise to its timesteps
   * @param prompts one a row of the batch
   * @return shape (B, C, H, W)
   */
  NDArray predict(Teacher teacher, TrainingBatch batch, List<String> prompts);

  /** {@return what the network predicts} */
  PredictionType predictionType();

  /** {@return the model's noise schedule} */
  NoiseSchedule schedule();

  /** {@return the owner of the step's arrays, closed when the step ends} */
  NDManager scope();
}
