package dev.ablation.train;

import ai.djl.ndarray.NDArray;
import com.google.common.base.Preconditions;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Everything that a trainer needs to continue after a step as if it had never been interrupted. It
 * contains no random generator: all random streams of training are derived from the run's seed, a
 * purpose and the step (see {@link dev.ablation.random.RandomStreams}), so the seed, which is a
 * setting of the plan, and the step determine them.
 *
 * @param step number of the last completed step, 0 before the first; a trainer without steps counts
 *     in another unit, such as weights
 * @param history one entry per step; empty if the trainer has no losses
 * @param measurements values that monitors measured, in order
 * @param arrays arrays by names of the trainer's choice: trained weights, moments of the optimiser.
 *     The trainer keeps ownership; they are valid only during the call that passes them.
 * @param values other state of the trainer, as text
 */
public record TrainingState(
    int step,
    List<TrainingResult.Step> history,
    List<Measurement> measurements,
    Map<String, NDArray> arrays,
    Map<String, String> values) {

  /** Copies lists and maps and checks that there is one entry per step, or none. */
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
