package dev.ablation.train;

import com.google.common.base.Preconditions;
import dev.ablation.anchor.AnchorCost;
import java.util.Objects;

/**
 * What a trainer does beside its objective, for estimates.
 *
 * @param images that it draws itself before the first step
 * @param drawing forward passes of these images
 * @param stepPasses forward passes of a step that the objective does not make, such as those of
 *     learned words; with and without gradients
 */
public record OwnWork(long images, AnchorCost drawing, long stepPasses) {

  /** Checks the ranges. */
  public OwnWork {
    Preconditions.checkArgument(images >= 0, "images must not be negative, was %s", images);
    Objects.requireNonNull(drawing, "drawing");
    Preconditions.checkArgument(
        stepPasses >= 0, "stepPasses must not be negative, was %s", stepPasses);
  }

  /** {@return nothing} */
  public static OwnWork none() {
    return new OwnWork(0, AnchorCost.none(), 0);
  }
}
