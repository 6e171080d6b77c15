package dev.ablation.train;

import ai.djl.ndarray.NDArray;
import com.google.common.base.Preconditions;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Everything that a trainer needs to go on after a step as if it had never been interrupted. There
 * is no random generator in it: all that is drawn in training comes from streams derived from the
 * run's seed, a purpose and the step (see {@link dev.ablation.random.RandomStreams}), so that the
 * seed, which is among the plan's settings, and the step are their positions.
 *
 * @param step that was made last, 0 before the first; a trainer without steps counts what it has
 *     done in a unit of its own, such as weights
 * @param history one entry a step; empty if the trainer has no losses to tell
 * @param measurements what monitors measured, in order
 * @param arrays by names of the trainer's choice: trained weights, moments of the optimiser. They
 *     stay the trainer's; a reader must be done with them when the call ends that hands them over.
 * @param values whatever else the trainer must know, as text
 */
public record TrainingState(
    int step,
    List<TrainingResult.Step> history,
    List<Measurement> measurements,
    Map<String, NDArray> arrays,
    Map<String, String> values) {

  /** Copies lists and maps and checks that there is one entry a step, or none. */
  public TrainingState {
    Preconditions.checkArgument(
        history.isEmpty() || history.size() == step,
        "history: expected %s steps, was %s",
        step,
        history.size());
    history = List.copyOf(history);
    measurements = List.copyOf(measurements);
    arrays = Collections.unmodifiableMap(new LinkedHashMap<>(arrays));
    values = Collections.unmodifiableMap(new TreeMap<>(values));
  }

  /** {@return the state before the first step} */
  public static TrainingState beginning() {
    return new TrainingState(0, List.of(), List.of(), Map.of(), Map.of());
  }
}
