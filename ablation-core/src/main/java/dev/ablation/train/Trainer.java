package dev.ablation.train;

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
