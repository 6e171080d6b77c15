package dev.ablation.objective;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ablation.model.Conditioning;
import dev.ablation.model.InputDifferentiable;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.schedule.PredictionType;
import java.util.List;
import java.util.Optional;
import java.util.random.RandomGenerator;

/**
 * What an objective can use in one training step. Everything here is freed when the step ends: copy
 * what must outlive it.
 *
 * <p>Predictions are for prompts, or for a conditioning of the objective's own; an adversarial one
 * takes {@link #inputGradients()}:
 *
 * {@snippet class="dev.ablation.Snippets" region="input-gradients"}
 */
public interface ObjectiveContext {

  /** {@return the pairs to train on} */
  TrainingBatch batch();

  /**
   * {@return further anchor images for prior preservation, of which the anchor prompts count; empty
   * unless the trainer is set to draw them}
   */
  Optional<TrainingBatch> priorBatch();

  /**
   * Predicts with the weights under training and records gradients.
   *
   * @param batch whose latents are noised by its noise to its timesteps
   * @param prompts one a row of the batch
   * @return shape (B, C, H, W)
   */
  default NDArray predict(TrainingBatch batch, List<String> prompts) {
    return predict(batch, encode(prompts));
  }

  /**
   * Predicts without recording gradients.
   *
   * @param teacher which weights predict
   * @param batch whose latents are noised by its noise to its timesteps
   * @param prompts one a row of the batch
   * @return shape (B, C, H, W)
   */
  default NDArray predict(Teacher teacher, TrainingBatch batch, List<String> prompts) {
    return predict(teacher, batch, encode(teacher, prompts));
  }

  /**
   * Encodes prompts with the weights under training, for latents of the size of {@link #batch()}.
   * Gradients are recorded only where the text encoder trains.
   *
   * @param prompts at least one
   * @return the conditioning; copy what must outlive the step
   */
  Conditioning encode(List<String> prompts);

  /**
   * Encodes prompts without recording gradients.
   *
   * @param teacher which weights encode; it matters only where the text encoder trains
   * @param prompts at least one
   * @return the conditioning; copy what must outlive the step
   */
  Conditioning encode(Teacher teacher, List<String> prompts);

  /**
   * Predicts with the weights under training, for a conditioning of the caller's, and records
   * gradients.
   *
   * @param batch whose latents are noised by its noise to its timesteps
   * @param conditioning one row for each of the batch's; {@link TrainingBatch#conditions()} take
   *     the place of its arrays of the same names
   * @return shape (B, C, H, W)
   */
  default NDArray predict(TrainingBatch batch, Conditioning conditioning) {
    return predict(noised(batch), batch.timesteps(), conditioning.with(batch.conditions()));
  }

  /**
   * Predicts for a conditioning of the caller's, without recording gradients.
   *
   * @param teacher which weights predict
   * @param batch whose latents are noised by its noise to its timesteps
   * @param conditioning one row for each of the batch's; {@link TrainingBatch#conditions()} take
   *     the place of its arrays of the same names
   * @return shape (B, C, H, W)
   */
  default NDArray predict(Teacher teacher, TrainingBatch batch, Conditioning conditioning) {
    return predict(
        teacher, noised(batch), batch.timesteps(), conditioning.with(batch.conditions()));
  }

  /**
   * Predicts at noised latents of the caller's, with the weights under training, and records
   * gradients.
   *
   * @param noised noised latents, (B, C, H, W), float32
   * @param timesteps (B), times of {@link #schedule()}
   * @param conditioning one row for each of the latents
   * @return shape (B, C, H, W)
   */
  NDArray predict(NDArray noised, NDArray timesteps, Conditioning conditioning);

  /**
   * Predicts at noised latents of the caller's, without recording gradients.
   *
   * @param teacher which weights predict
   * @param noised noised latents, (B, C, H, W), float32
   * @param timesteps (B), times of {@link #schedule()}
   * @param conditioning one row for each of the latents
   * @return shape (B, C, H, W)
   */
  NDArray predict(Teacher teacher, NDArray noised, NDArray timesteps, Conditioning conditioning);

  /**
   * Returns the noised latents that predictions of a batch are made at.
   *
   * @param batch whose latents are noised by its noise to its timesteps
   * @return shape (B, C, H, W); made once a step
   */
  NDArray noised(TrainingBatch batch);

  /**
   * Returns the model's gradients with respect to inputs, such as a conditioning or noised latents
   * that go into {@link #predict(NDArray, NDArray, Conditioning)}. It may be used while the loss is
   * computed; the gradients of the weights under training stay those of the loss.
   *
   * @return the capability
   * @throws dev.ablation.error.UnsupportedCapabilityException if the model lacks it
   */
  InputDifferentiable inputGradients();

  /**
   * Returns random numbers of the step, the same in every run of a plan.
   *
   * @param purpose what they are for; different purposes have different numbers
   * @return a new source at its beginning
   */
  RandomGenerator random(String purpose);

  /** {@return what the network predicts} */
  PredictionType predictionType();

  /** {@return the model's noise schedule} */
  NoiseSchedule schedule();

  /** {@return the owner of the step's arrays, closed when the step ends} */
  NDManager scope();
}
