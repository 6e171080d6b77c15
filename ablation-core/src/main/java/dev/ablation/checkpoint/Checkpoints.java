package dev.ablation.checkpoint;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import java.nio.file.Path;
import java.util.Objects;

/**
 * Where and how often a run saves its state. A run that was cancelled or killed at any time and is
 * started again continues from the newest intact checkpoint, and produces the same delta as an
 * uninterrupted run, byte for byte on the same machine.
 *
 * {@snippet class="dev.ablation.Snippets" region="checkpoints"}
 *
 * <p>A folder belongs to one plan. It contains the plan, the anchor images drawn so far (unless the
 * anchor has its own cache), and the newest checkpoints: one when the anchor images are complete,
 * one at each interval of steps, one when a run is cancelled, and one at the end. They remain after
 * the run: the same plan started again returns its delta immediately, even if the program was
 * killed before it saved the delta. To train again, or to train another plan, delete the folder or
 * use another one.
 *
 * @param folder folder of this plan's run; created if it does not exist
 * @param everySteps interval in steps between checkpoints, positive
 * @param keep number of newest checkpoints to keep, positive
 */
@CheckReturnValue
public record Checkpoints(Path folder, int everySteps, int keep) {

  /** Checks the ranges. */
  public Checkpoints {
    Objects.requireNonNull(folder, "folder");
    Preconditions.checkArgument(everySteps > 0, "everySteps must be positive, was %s", everySteps);
    Preconditions.checkArgument(keep > 0, "keep must be positive, was %s", keep);
  }

  /**
   * Keeps the two newest checkpoints, written every 50 steps.
   *
   * @param folder folder of one plan's run; created if it does not exist
   * @return the settings
   */
  public static Checkpoints in(Path folder) {
    return new Checkpoints(folder, 50, 2);
  }

  /**
   * Changes how often a checkpoint is written.
   *
   * @param steps positive
   * @return a copy with the given steps
   */
  public Checkpoints every(int steps) {
    return new Checkpoints(folder, steps, keep);
  }

  /**
   * Changes how many checkpoints are kept. With two or more, a checkpoint damaged on disk costs
   * only a few steps.
   *
   * @param count positive
   * @return a copy with the given count
   */
  public Checkpoints keep(int count) {
    return new Checkpoints(folder, everySteps, count);
  }
}
