package dev.ablation.job;

import dev.ablation.job.internal.Described;
import dev.ablation.job.internal.Shorthand;
import org.jspecify.annotations.Nullable;

/**
 * The loss of training by gradient.
 *
 * @param kind {@code model-based} (equation 4 of the paper) or {@code noise-based} (equation 5).
 *     Default: {@code model-based}
 * @param teacher for {@code model-based}: which weights predict for the anchor, {@code
 *     current-weights} (the paper's) or {@code frozen-weights}. Default: {@code current-weights}
 * @param weighting for {@code noise-based}: weight of a timestep. Default: {@code uniform}
 * @param priorWeight weight of prior preservation on the anchor's images. Default: none
 */
@Shorthand("kind")
public record JobObjective(
    @Described(
            value =
                "`model-based` (equation 4 of the paper) or `noise-based` (equation 5). Default: `model-based`.",
            oneOf = {"model-based", "noise-based"})
        @Nullable String kind,
    @Described(
            value =
                "For `model-based`: which weights predict for the anchor, `current-weights` (the paper's) or `frozen-weights`. Default: `current-weights`.",
            oneOf = {"current-weights", "frozen-weights"})
        @Nullable String teacher,
    @Described("For `noise-based`: weight of a timestep. Default: `uniform`.")
        @Nullable JobWeighting weighting,
    @Described(
            value = "Weight of prior preservation on the anchor's images. Default: none.",
            positive = true)
        @Nullable Double priorWeight) {

  /** Copies and checks the values. */
  public JobObjective {
    boolean noise = "noise-based".equals(kind);
    if (noise && teacher != null) {
      throw new IllegalArgumentException("teacher must stand with kind 'model-based' alone");
    }
    if (!noise && weighting != null) {
      throw new IllegalArgumentException("weighting must stand with kind 'noise-based' alone");
    }
  }
}
