package dev.ablation.train;

import ai.djl.ndarray.NDArray;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * What training found.
 *
 * @param weights name to trained weight, or to its factors if the trainer has {@link
 *     Trainer#lora()}, float32; attached to {@link TrainingTask#resultScope()}
 * @param history one entry a step
 * @param measurements what monitors measured, in order
 * @param ending how training ended, and which step the weights are of
 */
public record TrainingResult(
    Map<String, NDArray> weights,
    List<Step> history,
    List<Measurement> measurements,
    TrainingOutcome ending) {

  /** Copies lists and map. */
  public TrainingResult {
    weights = Collections.unmodifiableMap(new LinkedHashMap<>(weights));
    history = List.copyOf(history);
    measurements = List.copyOf(measurements);
    Objects.requireNonNull(ending, "ending");
  }

  /**
   * Creates the result of a trainer that made all its steps and measured nothing.
   *
   * @param weights name to trained weight, float32; attached to {@link TrainingTask#resultScope()}
   * @param history one entry a step
   */
  public TrainingResult(Map<String, NDArray> weights, List<Step> history) {
    this(weights, history, List.of(), TrainingOutcome.complete(history.size()));
  }

  /**
   * One step.
   *
   * @param loss of the step's batch, before the update
   * @param gradientNorm total 2-norm before clipping
   */
  public record Step(double loss, double gradientNorm) {}
}
