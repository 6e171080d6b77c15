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

/** What the library hands to a trainer: everything resolved, checked and scoped. */
public interface TrainingTask {

  /** {@return the model; during training it belongs to the trainer} */
  DiffusionModel model();

  /**
   * {@return what is removed, as prompts, in an order that follows from the targets; at least one}
   */
  List<TrainingPair> pairs();

  /**
   * {@return how strongly {@link TrainingPair#preservedPrompts} are preserved, relative to what is
   * removed; 0 if the plan preserves nothing}
   */
  default double preservationWeight() {
    return 0;
  }

  /**
   * {@return the loss, what is preserved included}
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
   * @return name of a weight to indices of its first axis; weights that are not named are trained
   *     as a whole
   */
  default Map<String, Set<Integer>> rows() {
    return Map.of();
  }

  /**
   * {@return what random numbers of training itself are derived from, such as the start of LoRA}
   */
  default long seed() {
    return 0;
  }

  /**
   * {@return the source of batches of anchor images with their prompts}
   *
   * @throws IllegalStateException if the trainer does not require anchor images; none were drawn
   *     then
   */
  BatchSource batches();

  /** {@return the owner of the result's arrays} */
  NDManager resultScope();

  /**
   * Asks whether the run was cancelled; to be called between two steps.
   *
   * @throws java.util.concurrent.CancellationException if it was
   */
  void checkCancelled();

  /** {@return whether the run was cancelled; to be asked during long work within a step} */
  default boolean cancelled() {
    return false;
  }

  /**
   * Returns where an earlier, interrupted run of the same plan stands. A trainer that can be
   * continued asks once, before its first step.
   *
   * @param scope owner of the state's arrays, on the model's device
   * @return the state that such a run handed to {@link #save}; empty if there is none
   */
  default Optional<TrainingState> saved(NDManager scope) {
    return Optional.empty();
  }

  /**
   * Returns whether the run keeps a checkpoint after a step.
   *
   * @param step 1 for the first
   * @return whether the trainer is to call {@link #save} after this step
   */
  default boolean savesAfter(int step) {
    return false;
  }

  /**
   * Keeps the state on disk, if the run has checkpoints. To be called when {@link #savesAfter} says
   * so, at the end, and when the run was cancelled.
   *
   * @param state as it is now
   */
  default void save(TrainingState state) {}

  /**
   * Returns whether listeners want to look at the model under training.
   *
   * @param step after which, 0 before the first
   * @param steps how many steps there are
   * @return whether the trainer is to call {@link #onStep} then
   */
  default boolean observesAfter(int step, int steps) {
    return false;
  }

  /**
   * Lets listeners look at the model under training. To be called where no gradients are recorded.
   *
   * @param progress where training stands
   * @throws java.util.concurrent.CancellationException if the run was cancelled meanwhile
   */
  default void onStep(TrainingProgress progress) {}

  /**
   * Tells the run's listeners.
   *
   * @param event what happened
   */
  void emit(AblationEvent event);
}
