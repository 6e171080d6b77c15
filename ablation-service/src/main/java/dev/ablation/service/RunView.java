package dev.ablation.service;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A run as callers see it.
 *
 * @param id of the run
 * @param state of the run
 * @param targets what it removes
 * @param stage what it does at the moment
 * @param fraction of the stage that is done, from 0 to 1
 * @param losses of the training steps, thinned out
 * @param previews files of preview images, by the time of drawing
 * @param verdicts of the job's limits, when it is done
 * @param problem why it failed or stopped
 */
record RunView(
    String id,
    State state,
    List<String> targets,
    String stage,
    double fraction,
    List<Loss> losses,
    List<Preview> previews,
    List<Limit> verdicts,
    @Nullable String problem) {

  /** Where a run is. */
  enum State {
    /** Another one runs. */
    WAITING,
    /** It runs. */
    RUNNING,
    /** It is done and has evidence. */
    DONE,
    /** It cannot be carried out. */
    FAILED,
    /** It was cancelled or the service ended; it can be resumed. */
    STOPPED
  }

  /**
   * The loss of a training step.
   *
   * @param step from 1
   * @param loss of its batch
   */
  record Loss(int step, double loss) {}

  /**
   * Images of the model under training.
   *
   * @param step after which they were drawn
   * @param files one for each prompt
   */
  record Preview(int step, List<String> files) {}

  /**
   * A limit of the job.
   *
   * @param limit as text
   * @param met whether the result is within it
   */
  record Limit(String limit, boolean met) {}
}
