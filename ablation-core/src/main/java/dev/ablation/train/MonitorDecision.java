package dev.ablation.train;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a {@link TrainingMonitor} says after a look. Every method returns a changed copy.
 *
 * @param measured values that were measured: kept in the result, told to listeners and given to
 *     later looks
 * @param best whether the weights as they are now are the best so far; training then ends with
 *     them, unless later ones are called best
 * @param stop why training shall stop here; {@code null} if it shall go on
 */
@CheckReturnValue
public record MonitorDecision(Map<String, Double> measured, boolean best, @Nullable String stop) {
  private static final MonitorDecision GO_ON = new MonitorDecision(Map.of(), false, null);

  /** Copies the map and checks that a reason is none without words. */
  public MonitorDecision {
    measured = Collections.unmodifiableMap(new LinkedHashMap<>(measured));
    Preconditions.checkArgument(stop == null || !stop.isBlank(), "stop must not be blank");
  }

  /** {@return nothing measured; go on} */
  public static MonitorDecision goOn() {
    return GO_ON;
  }

  /**
   * Adds a value.
   *
   * @param name of what was measured
   * @param value any number
   * @return a changed copy
   */
  public MonitorDecision measured(String name, double value) {
    Map<String, Double> more = new LinkedHashMap<>(measured);
    more.put(name, value);
    return new MonitorDecision(more, best, stop);
  }

  /** {@return a copy that calls the weights as they are now the best so far} */
  public MonitorDecision asBest() {
    return new MonitorDecision(measured, true, stop);
  }

  /**
   * Returns a copy that stops training after this step.
   *
   * @param reason in words; the result tells it
   * @return a changed copy
   */
  public MonitorDecision stopping(String reason) {
    return new MonitorDecision(measured, best, reason);
  }
}
