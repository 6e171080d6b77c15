package dev.ablation.event;

/**
 * Hears of a run's events, on the run's thread and in order: one {@link AblationEvent.Started}
 * (after any warnings), one {@link AblationEvent.Resumed} if the run goes on from a checkpoint,
 * then progress, then one {@link AblationEvent.Completed} or {@link AblationEvent.Failed}. Must be
 * quick. What it throws is logged once, and the listener is not called again, but the run goes on.
 *
 * {@snippet class="dev.ablation.Snippets" region="listener"}
 */
@FunctionalInterface
public interface AblationListener {

  /**
   * Hears of an event.
   *
   * @param event what happened
   */
  void on(AblationEvent event);
}
