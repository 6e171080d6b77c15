package dev.ablation.event;

import java.time.Duration;

/**
 * Something that happened in a run. Plain values, so that events can be kept, logged and sent on.
 */
public sealed interface AblationEvent {

  /**
   * The run was checked and begins.
   *
   * @param target what is removed
   * @param anchor what is drawn instead
   * @param anchorImages how many anchor pictures training uses
   * @param steps how many training steps there are
   */
  record Started(String target, String anchor, int anchorImages, int steps)
      implements AblationEvent {}

  /**
   * Something that the user may want to change, such as a prompt that is cut.
   *
   * @param message what and why
   */
  record Warning(String message) implements AblationEvent {}

  /**
   * Anchor pictures were drawn; training begins when all are.
   *
   * @param done how much of the work is done, in steps of the sampler
   * @param total how much there is
   * @param fromCache whether the pictures were read from a cache at once
   */
  record AnchorsProgressed(long done, long total, boolean fromCache) implements AblationEvent {}

  /**
   * A training step was made.
   *
   * @param step 1 for the first
   * @param steps how many there are
   * @param loss of this step's batch
   * @param gradientNorm total 2-norm before clipping
   * @param elapsed since training began
   */
  record StepCompleted(int step, int steps, double loss, double gradientNorm, Duration elapsed)
      implements AblationEvent {}

  /**
   * The run ended well.
   *
   * @param steps made
   * @param elapsed since the run began
   */
  record Completed(int steps, Duration elapsed) implements AblationEvent {}

  /**
   * The run ended by an exception, which the caller receives too.
   *
   * @param error the exception
   */
  record Failed(Throwable error) implements AblationEvent {}
}
