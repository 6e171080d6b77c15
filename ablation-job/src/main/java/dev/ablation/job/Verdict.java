package dev.ablation.job;

import java.util.Locale;
import java.util.OptionalDouble;

/**
 * Whether a limit of a job was met.
 *
 * @param limit the limit
 * @param measured what was measured; empty if nothing was, which meets no limit
 */
public record Verdict(AcceptanceLimit limit, OptionalDouble measured) {

  /** {@return whether the limit was measured and met} */
  public boolean met() {
    return measured.isPresent() && limit.isMetBy(measured.getAsDouble());
  }

  @Override
  public String toString() {
    return measured.isEmpty()
        ? "%s: not measured".formatted(limit)
        : String.format(
            Locale.ROOT,
            "%s: %s, measured %.4g",
            limit,
            met() ? "met" : "not met",
            measured.getAsDouble());
  }
}
