package dev.ablation.listener;

import dev.ablation.event.AblationEvent;
import dev.ablation.event.AblationListener;
import dev.ablation.train.TrainingProgress;
import java.io.IOException;
import java.util.function.Consumer;

/**
 * A listener that looks at the model under training. Unlike a {@link
 * dev.ablation.train.TrainingMonitor} it has no say in it, and is not among a run's settings: with
 * and without it a run ends with the same bytes. What it throws is logged once, and it is not
 * called again, but the run goes on.
 */
public interface ModelListener extends AblationListener {

  /**
   * Returns when it wants to look.
   *
   * @param step after which, 0 before the first
   * @param steps how many there are
   * @return whether {@link #look} shall be called then
   */
  boolean looksAfter(int step, int steps);

  /**
   * Looks at the model.
   *
   * @param progress holds the model, which records no gradients; to be left as it is
   * @param events takes events for the other listeners
   * @throws IOException if a file cannot be written
   * @throws java.util.concurrent.CancellationException if the run was cancelled meanwhile
   */
  void look(TrainingProgress progress, Consumer<AblationEvent> events) throws IOException;

  @Override
  default void on(AblationEvent event) {}
}
