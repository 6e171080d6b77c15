package dev.ablation.train;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The decision of a {@link TrainingMonitor} after a step. Immutable: every setter returns a copy.
 *
 * @param measured measured values, by name; stored in the result, emitted to listeners and passed
 *     to later calls
 * @param best whether the current weights are the best so far; training then results in them,
 *     unless later ones are better
 * @param stop reason to stop training here; {@code null} to continue
 */
@CheckReturnValue
public record MonitorDecision(Map<String, Double> measured, boolean best, @Nullable String stop) {
  private static final MonitorDecision GO_ON = new MonitorDecision(Map.of(), false, null);

  /** Copies the map and checks that a reason is none without words. */
  public MonitorDecision {
    measured = Collections.unmodifiableMap(new LinkedHashMap<>(measured));
    Preconditions.checkArgument(stop == null || !stop.isBlank(), "stop must not be blank");
  }

  /** {@return the decision to continue, without measured values} */
  public static MonitorDecision goOn() {
    return GO_ON;
  }

  /**
   * Adds a value.
   *
   * @param name name of the value
   * @param value any number
   * @return a copy with the given values
   */
  public MonitorDecision measured(String name, double value) {
    Map<String, Double> more = new LinkedHashMap<>(measured);
    more.put(name, value);
    return new MonitorDecision(more, best, stop);
  }

  /** {@return a copy that records the current weights as the best so far} */
  public MonitorDecision asBest() {
    return new MonitorDecision(measured, true, stop);
  }

  /**
   * Returns a copy that stops training after this step.
   *
   * @param reason in words; part of the result
   * @return a copy that stops for this reason
   */
  public MonitorDecision stopping(String reason) {
    return new MonitorDecision(measured, best, reason);
  }
}
