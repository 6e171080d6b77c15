package dev.ablation.train;

import ai.djl.ndarray.NDArray;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What training found.
 *
 * @param weights name to trained weight, or to its factors if the trainer has {@link
 *     Trainer#lora()}, float32; attached to {@link TrainingTask#resultScope()}
 * @param history one entry a step
 */
public record TrainingResult(Map<String, NDArray> weights, List<Step> history) {

  /** Copies list and map. */
  public TrainingResult {
    weights = Collections.unmodifiableMap(new LinkedHashMap<>(weights));
    history = List.copyOf(history);
  }

  /**
   * One step.
   *
   * @param loss of the step's batch, before the update
   * @param gradientNorm total 2-norm before clipping
   */
  public record Step(double loss, double gradientNorm) {}
}
