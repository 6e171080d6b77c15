package dev.ablation.listener;

import dev.ablation.event.AblationEvent;
import dev.ablation.event.AblationListener;
import dev.ablation.train.TrainingProgress;
import java.io.IOException;
import java.util.function.Consumer;

/**
 * A listener that has access to the model under training. Unlike a {@link
 * dev.ablation.train.TrainingMonitor} it cannot influence training and is not one of the run's
 * settings: the run gives the same bytes with and without it. If it throws, the exception is
 * logged, the listener is not called again, and the run continues.
 */
public interface ModelListener extends AblationListener {

  /**
   * Returns whether to call {@link #onStep} after a step.
   *
   * @param step the completed step, 0 for before the first
   * @param steps total number of steps
   * @return whether to call {@link #onStep}
   */
  boolean observesAfter(int step, int steps);

  /**
   * Receives the model during training.
   *
   * @param progress the progress and the model, which records no gradients and must not be changed
   * @param events receives events for the other listeners
   * @throws IOException if a file cannot be written
   * @throws java.util.concurrent.CancellationException if the run was cancelled in the meantime
   */
  void onStep(TrainingProgress progress, Consumer<AblationEvent> events) throws IOException;

  @Override
  default void on(AblationEvent event) {}
}
