package dev.ablation.job;

import dev.ablation.job.internal.Described;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Settings of AdamW (Loshchilov and Hutter 2019). What is not set is the preset's.
 *
 * @param betas the two decay rates of the moments
 * @param epsilon added to the root of the second moment
 * @param weightDecay decay of the weights
 * @param maxGradientNorm norm to which gradients are clipped
 * @param stopStartToken stops gradients at the start token of a prompt
 * @param decayOtherRows decays the rows of the token table that are not trained
 */
public record JobOptimizer(
    @Described("The two decay rates of the moments.") List<Double> betas,
    @Described(value = "Added to the root of the second moment.", positive = true)
        @Nullable Double epsilon,
    @Described("Decay of the weights.") @Nullable Double weightDecay,
    @Described(value = "Norm to which gradients are clipped.", positive = true)
        @Nullable Double maxGradientNorm,
    @Described("Stops gradients at the start token of a prompt.") @Nullable Boolean stopStartToken,
    @Described("Decays the rows of the token table that are not trained.")
        @Nullable Boolean decayOtherRows) {

  /** Copies and checks the values. */
  public JobOptimizer {
    betas = betas == null ? List.of() : List.copyOf(betas);
    if (!betas.isEmpty() && betas.size() != 2) {
      throw new IllegalArgumentException("betas must be two numbers, were " + betas);
    }
  }
}
