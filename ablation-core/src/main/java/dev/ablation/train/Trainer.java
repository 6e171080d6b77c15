package dev.ablation.train;

import dev.ablation.model.DiffusionModel;
import dev.ablation.model.WeightInfo;
import java.util.List;
import java.util.Map;

/**
 * Computes the change of the weights, by gradient descent ({@link GradientTrainer}) or in closed
 * form. A trainer that works in steps is a {@link StepwiseTrainer}.
 *
 * {@snippet class="dev.ablation.Snippets" region="trainer"}
 */
public interface Trainer {

  /**
   * Trains to completion.
   *
   * @param task the resolved and checked task
   * @return the changes of the weights
   * @throws TrainingDivergedException if the loss stops being finite
   * @throws java.util.concurrent.CancellationException from {@link TrainingTask#checkCancelled()}
   */
  TrainingResult train(TrainingTask task);

  /**
   * Returns what training requires in addition to the prompts of targets and anchors, which every
   * trainer receives. A run checks the model against it before any long work, and draws anchor
   * images only if they are required.
   *
   * @return such as {@code TrainerRequirements.prompts()}
   */
  TrainerRequirements requirements();

  /**
   * Returns the problems that prevent the trainer from training some weights; called before any
   * long work, also for a model that lacks a required capability.
   *
   * @param model any
   * @param weights that were chosen
   * @return the problems, one sentence each; empty if there are none
   */
  default List<String> problems(DiffusionModel model, List<WeightInfo> weights) {
    return List.of();
  }

  /**
   * Returns all settings that affect training, for provenance.
   *
   * @return name to value; names start with {@code "training."}
   */
  Map<String, String> settings();
}
