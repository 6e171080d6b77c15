package dev.ablation.train;

import dev.ablation.model.DiffusionModel;
import dev.ablation.model.Lora;
import dev.ablation.model.WeightInfo;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Finds the change of the weights. Gradient descent is one way, a closed form would be another.
 *
 * {@snippet class="dev.ablation.Snippets" region="trainer"}
 */
public interface Trainer {

  /**
   * Trains to the end.
   *
   * @param task everything resolved, checked and scoped
   * @return the trained weights and the history
   * @throws TrainingDivergedException if the loss stops being finite
   * @throws java.util.concurrent.CancellationException if {@link TrainingTask#checkCancelled()}
   *     says so
   */
  TrainingResult train(TrainingTask task);

  /**
   * Says what keeps the trainer from training some weights; asked before any long work.
   *
   * @param model any
   * @param weights that were chosen
   * @return what is wrong, a sentence each; empty if nothing is
   */
  default List<String> problems(DiffusionModel model, List<WeightInfo> weights) {
    return List.of();
  }

  /**
   * {@return the settings of low-rank training; if there are any, the result's arrays are the
   * factors of the changes, named as {@link dev.ablation.model.LoraTraining#train} says}
   */
  default Optional<Lora> lora() {
    return Optional.empty();
  }

  /** {@return how many steps there are, for progress} */
  int steps();

  /**
   * Returns a variant that makes the first few steps and nothing else, by which the time and memory
   * of training are estimated.
   *
   * @param steps positive
   * @return the variant; empty if this trainer has none
   */
  default Optional<Trainer> sample(int steps) {
    return Optional.empty();
  }

  /**
   * Returns everything that shapes the training, for provenance.
   *
   * @return name to value; names begin with {@code "training."}
   */
  Map<String, String> settings();
}
