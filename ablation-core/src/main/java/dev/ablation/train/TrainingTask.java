package dev.ablation.train;

import ai.djl.ndarray.NDManager;
import dev.ablation.event.AblationEvent;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.WeightInfo;
import dev.ablation.objective.AblationObjective;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What the library hands to a trainer: everything resolved, checked and scoped. */
public interface TrainingTask {

  /** {@return the model; during training it belongs to the trainer} */
  DiffusionModel model();

  /** {@return the loss} */
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

  /** {@return the source of pairs} */
  BatchSource batches();

  /** {@return the owner of the trained weights} */
  NDManager resultScope();

  /**
   * Asks whether the run was cancelled; to be called between two steps.
   *
   * @throws java.util.concurrent.CancellationException if it was
   */
  void checkCancelled();

  /**
   * Tells the run's listeners.
   *
   * @param event what happened
   */
  void emit(AblationEvent event);
}
