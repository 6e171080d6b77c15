package dev.ablation.event;

/**
 * Receives a run's events on the run's thread and in order: one {@link AblationEvent.Started}
 * (after any warnings), one {@link AblationEvent.Resumed} if the run continues from a checkpoint,
 * then progress, then one {@link AblationEvent.Completed} or {@link AblationEvent.Failed}. A
 * listener must return quickly. If it throws, the exception is logged, the listener is not called
 * again, and the run continues.
 *
 * {@snippet class="dev.ablation.Snippets" region="listener"}
 */
@FunctionalInterface
public interface AblationListener {

  /**
   * Receives an event.
   *
   * @param event the event
   */
  void on(AblationEvent event);
}
