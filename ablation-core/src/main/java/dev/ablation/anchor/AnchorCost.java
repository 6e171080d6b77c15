package dev.ablation.anchor;

import com.google.common.base.Preconditions;

/**
 * How much of the denoising network it takes to make anchor images.
 *
 * {@snippet class="dev.ablation.Snippets" region="estimate"}
 *
 * @param evaluations how many latents go through the network; guidance doubles them
 * @param batchSize how many of them at a time, positive
 */
public record AnchorCost(long evaluations, int batchSize) {

  /** Checks the ranges. */
  public AnchorCost {
    Preconditions.checkArgument(
        evaluations >= 0, "evaluations must not be negative, was %s", evaluations);
    Preconditions.checkArgument(batchSize > 0, "batchSize must be positive, was %s", batchSize);
  }

  /** {@return no work, such as for images that are there already} */
  public static AnchorCost none() {
    return new AnchorCost(0, 1);
  }
}
