package dev.ablation.train;

import java.util.List;
import java.util.function.Predicate;

/**
 * Looks at training every few steps, measures the model under training, and says whether to go on,
 * to stop, or to keep the weights as the best so far.
 *
 * {@snippet class="dev.ablation.Snippets" region="monitor"}
 *
 * <p>A monitor keeps no state of its own: what it needs to know of earlier looks it finds in {@link
 * TrainingProgress#measurements()}, which checkpoints keep. So a run that was interrupted stops
 * where it would have stopped, and one monitor can serve many runs. Nothing random in it disturbs
 * training, whose numbers depend on the run's seed and the step alone.
 */
public interface TrainingMonitor {

  /** {@return a name that tells everything that shapes the verdicts; provenance keeps it} */
  String name();

  /** {@return at every which step it looks, positive; at the last one it always does} */
  default int everySteps() {
    return 1;
  }

  /**
   * Tells whether it also looks before the first step, at the base model: to measure what later
   * looks are compared with, or to call it the best so far. It cannot stop training there.
   *
   * @return false unless an implementation says otherwise
   */
  default boolean measuresBaseline() {
    return false;
  }

  /**
   * Looks after a step, or before the first.
   *
   * @param progress where training stands
   * @return what to do
   */
  MonitorDecision onStep(TrainingProgress progress);

  /**
   * Measures a value.
   *
   * @param value its name, such as {@code "target score"}
   * @param everySteps at every which step, positive
   * @param metric measures the model under training
   * @return a monitor that never stops
   */
  static TrainingMonitor measuring(String value, int everySteps, ModelMetric metric) {
    return new NamedMonitor(
        "%s every %d".formatted(value, everySteps),
        everySteps,
        progress -> MonitorDecision.goOn().measured(value, metric.measure(progress.model())));
  }

  /**
   * Stops where a rule holds, with the weights as they are then unless a monitor called others the
   * best.
   *
   * @param reason for provenance and result, such as {@code "loss below 0.01"}; the same rule has
   *     the same reason
   * @param rule looks after every step
   * @return the monitor
   */
  static TrainingMonitor stoppingWhen(String reason, Predicate<TrainingProgress> rule) {
    return new NamedMonitor(
        "stop when " + reason,
        1,
        progress ->
            rule.test(progress) ? MonitorDecision.goOn().stopping(reason) : MonitorDecision.goOn());
  }

  /**
   * Calls the weights the best so far whenever a measured value is lower than ever before.
   *
   * @param value name of what a monitor before this one measures
   * @return the monitor
   */
  static TrainingMonitor keepingLowest(String value) {
    return keeping("keep lowest " + value, value, 1);
  }

  /**
   * Calls the weights the best so far whenever a measured value is higher than ever before.
   *
   * @param value name of what a monitor before this one measures
   * @return the monitor
   */
  static TrainingMonitor keepingHighest(String value) {
    return keeping("keep highest " + value, value, -1);
  }

  private static TrainingMonitor keeping(String name, String value, int sign) {
    return new NamedMonitor(
        name,
        1,
        progress -> {
          List<Measurement> all = progress.measured(value);
          if (all.isEmpty() || all.get(all.size() - 1).step() != progress.step()) {
            return MonitorDecision.goOn();
          }
          double now = sign * all.get(all.size() - 1).value();
          boolean lowest =
              all.subList(0, all.size() - 1).stream()
                  .noneMatch(earlier -> sign * earlier.value() <= now);
          return lowest && !Double.isNaN(now)
              ? MonitorDecision.goOn().asBest()
              : MonitorDecision.goOn();
        });
  }
}
