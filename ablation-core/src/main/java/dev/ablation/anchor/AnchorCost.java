package dev.ablation.anchor;

import com.google.common.base.Preconditions;

/**
 * How many forward passes of the denoising network the anchor images need.
 *
 * {@snippet class="dev.ablation.Snippets" region="estimate"}
 *
 * @param forwardPasses number of latents that pass through the network; guidance doubles it
 * @param batchSize number of latents in one forward pass, positive
 */
public record AnchorCost(long forwardPasses, int batchSize) {

  /** Checks the ranges. */
  public AnchorCost {
    Preconditions.checkArgument(
        forwardPasses >= 0, "forwardPasses must not be negative, was %s", forwardPasses);
    Preconditions.checkArgument(batchSize > 0, "batchSize must be positive, was %s", batchSize);
  }

  /** {@return no forward passes, for instance if the images exist already} */
  public static AnchorCost none() {
    return new AnchorCost(0, 1);
  }
}
