package dev.ablation.checkpoint;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import java.nio.file.Path;
import java.util.Objects;

/**
 * Where and how often a run keeps its state. A run that was cancelled or killed, at any moment, and
 * is started again goes on from the newest sound checkpoint, and ends with the same delta as a run
 * that was never interrupted, byte for byte on the same machine.
 *
 * {@snippet class="dev.ablation.Snippets" region="checkpoints"}
 *
 * <p>A folder belongs to one plan. It holds the plan, the anchor images drawn so far (unless the
 * anchor has a cache of its own), and the newest checkpoints: one when the anchor images are ready,
 * one every so many steps, one where a run is cancelled, and one at the end. They stay when the run
 * has ended: the same plan started once more returns its delta at once, also where a program was
 * killed before it saved the delta. To train anew, or another plan, delete the folder or give
 * another one.
 *
 * @param folder of this plan's run; made if it is missing
 * @param everySteps after how many steps a checkpoint is written, positive
 * @param keep how many of the newest stay, positive
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
   * @param folder of one plan's run; made if it is missing
   * @return the settings
   */
  public static Checkpoints in(Path folder) {
    return new Checkpoints(folder, 50, 2);
  }

  /**
   * Changes how often a checkpoint is written.
   *
   * @param steps positive
   * @return a changed copy
   */
  public Checkpoints every(int steps) {
    return new Checkpoints(folder, steps, keep);
  }

  /**
   * Changes how many checkpoints stay. With two or more, one that is damaged on the disk costs a
   * few steps and not the run.
   *
   * @param count positive
   * @return a changed copy
   */
  public Checkpoints keep(int count) {
    return new Checkpoints(folder, everySteps, count);
  }
}
