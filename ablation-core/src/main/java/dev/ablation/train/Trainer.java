package dev.ablation.train;

import dev.ablation.model.DiffusionModel;
import dev.ablation.model.WeightInfo;
import java.util.List;
import java.util.Map;

/**
 * Finds the change of the weights, by gradient descent ({@link GradientTrainer}) or in closed form.
 * One that works in steps is a {@link StepwiseTrainer}.
 *
 * {@snippet class="dev.ablation.Snippets" region="trainer"}
 */
public interface Trainer {

  /**
   * Trains to the end.
   *
   * @param task everything resolved, checked and scoped
   * @return the changes of the weights
   * @throws TrainingDivergedException if the loss stops being finite
   * @throws java.util.concurrent.CancellationException if {@link TrainingTask#checkCancelled()}
   *     says so
   */
  TrainingResult train(TrainingTask task);

  /**
   * Says what training takes, beside the prompts of targets and anchors, which every trainer is
   * given. A run checks the model against it before any long work, and draws anchor images only if
   * they are among it.
   *
   * @return such as {@code TrainerRequirements.prompts()}
   */
  TrainerRequirements requirements();

  /**
   * Says what keeps the trainer from training some weights; asked before any long work, also for a
   * model that lacks a required capability.
   *
   * @param model any
   * @param weights that were chosen
   * @return what is wrong, a sentence each; empty if nothing is
   */
  default List<String> problems(DiffusionModel model, List<WeightInfo> weights) {
    return List.of();
  }

  /**
   * Returns everything that shapes the training, for provenance.
   *
   * @return name to value; names begin with {@code "training."}
   */
  Map<String, String> settings();
}
