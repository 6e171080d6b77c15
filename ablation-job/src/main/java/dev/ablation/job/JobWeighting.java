package dev.ablation.job;

import dev.ablation.job.internal.Described;
import dev.ablation.job.internal.Shorthand;
import org.jspecify.annotations.Nullable;

/**
 * The weight of a timestep in the loss.
 *
 * @param kind {@code uniform}, {@code min-snr} (Hang et al. 2023) or {@code inverse-snr}
 * @param value the bound of {@code min-snr}, the offset of {@code inverse-snr}
 */
@Shorthand("kind")
public record JobWeighting(
    @Described(
            value = "`uniform`, `min-snr` (Hang et al. 2023) or `inverse-snr`.",
            required = true,
            oneOf = {"uniform", "min-snr", "inverse-snr"})
        String kind,
    @Described(value = "The bound of `min-snr`, the offset of `inverse-snr`.", positive = true)
        @Nullable Double value) {

  /** Copies and checks the values. */
  public JobWeighting {
    if ((value == null) != "uniform".equals(kind)) {
      throw new IllegalArgumentException(
          "value must stand with kinds 'min-snr' and 'inverse-snr', which require it");
    }
  }
}
