package dev.ablation.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ablation.model.TrainingSession.Gradients;
import java.util.Map;
import java.util.Optional;

/** What a step of gradient descent goes by. */
interface StepGradients extends AutoCloseable {

  /**
   * Gets ready for the first step of this start; the base model is measured afterwards.
   *
   * @param saved what {@link #save} added to, whose arrays are freed after the call; empty at the
   *     beginning of a run
   */
  default void prepare(Optional<TrainingState> saved) {}

  /**
   * Computes loss and gradients.
   *
   * @param step 1 for the first
   * @param scope owner of the gradients and of all that lives as long as the step
   */
  Gradients of(int step, NDManager scope);

  /** Adds what {@link #prepare} needs to go on after the present step. */
  default void save(Map<String, NDArray> arrays, Map<String, String> values) {}

  @Override
  default void close() {}
}
