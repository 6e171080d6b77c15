package dev.ablation.train;

import ai.djl.ndarray.NDManager;
import dev.ablation.event.AblationEvent;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.WeightInfo;
import dev.ablation.objective.AblationObjective;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** The resolved and checked input of a trainer. */
public interface TrainingTask {

  /** {@return the model; during training it belongs to the trainer} */
  DiffusionModel model();

  /**
   * {@return the concepts to remove, as prompts, in an order that depends only on the targets; at
   * least one}
   */
  List<TrainingPair> pairs();

  /**
   * {@return the weight of the preservation of {@link TrainingPair#preservedPrompts}, relative to
   * the removal; 0 if the plan preserves nothing}
   */
  default double preservationWeight() {
    return 0;
  }

  /**
   * {@return the loss, including preservation}
   *
   * @throws IllegalStateException if the trainer does not require an objective
   */
  AblationObjective objective();

  /** {@return the weights to train, at least one} */
  List<WeightInfo> weights();

  /**
   * Returns the rows of weights that are trained in part, such as those of the target's tokens in a
   * table of embeddings.
   *
   * @return name of a weight to indices of its first axis; all other weights are trained as a whole
   */
  default Map<String, Set<Integer>> rows() {
    return Map.of();
  }

  /** {@return the seed of random numbers of training, such as the initial values of LoRA} */
  default long seed() {
    return 0;
  }

  /**
   * {@return the source of batches of anchor images with their prompts}
   *
   * @throws IllegalStateException if the trainer does not require anchor images; then none were
   *     drawn
   */
  BatchSource batches();

  /** {@return the owner of the result's arrays} */
  NDManager resultScope();

  /**
   * Checks whether the run was cancelled; to be called between steps.
   *
   * @throws java.util.concurrent.CancellationException if it was
   */
  void checkCancelled();

  /** {@return whether the run was cancelled; check it during long work within a step} */
  default boolean cancelled() {
    return false;
  }

  /**
   * Returns the state of an earlier, interrupted run of the same plan. A trainer that supports
   * resuming calls this once, before its first step.
   *
   * @param scope owner of the state's arrays, on the model's device
   * @return the state that the earlier run passed to {@link #save}; empty if there is none
   */
  default Optional<TrainingState> saved(NDManager scope) {
    return Optional.empty();
  }

  /**
   * Returns whether the run saves a checkpoint after a step.
   *
   * @param step 1 for the first
   * @return whether the trainer must call {@link #save} after this step
   */
  default boolean savesAfter(int step) {
    return false;
  }

  /**
   * Saves the state to disk, if the run has checkpoints. To be called when {@link #savesAfter}
   * returns {@code true}, at the end, and when the run was cancelled.
   *
   * @param state the current state
   */
  default void save(TrainingState state) {}

  /**
   * Returns whether listeners use the model under training after a step.
   *
   * @param step the step, 0 for before the first
   * @param steps total number of steps
   * @return whether the trainer must call {@link #onStep} then
   */
  default boolean observesAfter(int step, int steps) {
    return false;
  }

  /**
   * Calls listeners that use the model under training. No gradients may be recorded during the
   * call.
   *
   * @param progress the state of training
   * @throws java.util.concurrent.CancellationException if the run was cancelled meanwhile
   */
  default void onStep(TrainingProgress progress) {}

  /**
   * Sends an event to the run's listeners.
   *
   * @param event the event
   */
  void emit(AblationEvent event);
}
