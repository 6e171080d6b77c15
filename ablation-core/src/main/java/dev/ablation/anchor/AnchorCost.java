package dev.ablation.anchor;

import com.google.common.base.Preconditions;

/**
 * How many forward passes of the denoising network the anchor images need.
 *
 * {@snippet class="dev.ablation.Snippets" region="estimate"}
 *
 * @param evaluations number of latents that pass through the network; guidance doubles it
 * @param batchSize number of latents in one forward pass, positive
 */
public record AnchorCost(long evaluations, int batchSize) {

  /** Checks the ranges. */
  public AnchorCost {
    Preconditions.checkArgument(
        evaluations >= 0, "evaluations must not be negative, was %s", evaluations);
    Preconditions.checkArgument(batchSize > 0, "batchSize must be positive, was %s", batchSize);
  }

  /** {@return no forward passes, for instance if the images exist already} */
  public static AnchorCost none() {
    return new AnchorCost(0, 1);
  }
}
