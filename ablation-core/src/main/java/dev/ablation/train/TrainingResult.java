package dev.ablation.train;

import dev.ablation.delta.WeightChange;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * The result of training.
 *
 * @param changes name of a weight to its change; the arrays are attached to {@link
 *     TrainingTask#resultScope()}
 * @param history one entry per step; empty for a trainer without steps
 * @param measurements values that monitors measured, in order
 * @param outcome how training ended, and the step of the weights
 */
public record TrainingResult(
    Map<String, WeightChange> changes,
    List<Step> history,
    List<Measurement> measurements,
    TrainingOutcome outcome) {

  /** Copies lists and map. */
  public TrainingResult {
    changes = Collections.unmodifiableMap(new LinkedHashMap<>(changes));
    history = List.copyOf(history);
    measurements = List.copyOf(measurements);
    Objects.requireNonNull(outcome, "outcome");
  }

  /**
   * Creates the result of a trainer without steps, such as a closed form.
   *
   * @param changes name of a weight to its change; the arrays are attached to {@link
   *     TrainingTask#resultScope()}
   * @return the result, without history and measurements
   */
  public static TrainingResult of(Map<String, WeightChange> changes) {
    return new TrainingResult(changes, List.of(), List.of(), TrainingOutcome.withoutSteps());
  }

  /**
   * One step.
   *
   * @param loss of the step's batch, before the update
   * @param gradientNorm total 2-norm before clipping
   */
  public record Step(double loss, double gradientNorm) {}
}
