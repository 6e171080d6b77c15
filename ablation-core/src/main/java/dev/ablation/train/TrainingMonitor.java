package dev.ablation.train;

import java.util.List;
import java.util.function.Predicate;

/**
 * Observes training at an interval of steps, measures the model under training, and decides whether
 * to continue, to stop, or to record the current weights as the best so far.
 *
 * {@snippet class="dev.ablation.Snippets" region="monitor"}
 *
 * <p>A monitor is stateless: its earlier values are in {@link TrainingProgress#measurements()},
 * which checkpoints save. A resumed run therefore stops at the same step as an uninterrupted one,
 * and one monitor can serve many runs. Its random numbers do not affect training, which depends
 * only on the run's seed and the step.
 */
public interface TrainingMonitor {

  /** {@return a name with every setting that affects the decisions; stored in provenance} */
  String name();

  /** {@return the interval in steps, positive; the monitor is always called after the last step} */
  default int everySteps() {
    return 1;
  }

  /**
   * Returns whether the monitor is also called before the first step, with the base model: to
   * measure a baseline, or to record it as the best so far. It cannot stop training there. If
   * training begins with a change ({@link GradientTrainer#startingFrom(Trainer)}), it is called
   * once more at step 0, with that change, and may stop.
   *
   * @return {@code false} by default
   */
  default boolean measuresBaseline() {
    return false;
  }

  /**
   * Called after a step, or before the first.
   *
   * @param progress the state of training
   * @return the decision
   */
  MonitorDecision onStep(TrainingProgress progress);

  /**
   * Measures a value.
   *
   * @param value name of the value, such as {@code "target score"}
   * @param everySteps interval in steps, positive
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
   * Stops when a condition holds. The result has the current weights, unless a monitor recorded
   * others as the best.
   *
   * @param reason for provenance and result, such as {@code "loss below 0.01"}; equal rules need
   *     equal reasons
   * @param rule the condition, evaluated after every step
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
   * Records the weights as the best so far whenever a measured value is lower than all earlier
   * ones.
   *
   * @param value name of a value that an earlier monitor measures
   * @return the monitor
   */
  static TrainingMonitor keepingLowest(String value) {
    return keeping("keep lowest " + value, value, 1);
  }

  /**
   * Records the weights as the best so far whenever a measured value is higher than all earlier
   * ones.
   *
   * @param value name of a value that an earlier monitor measures
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
