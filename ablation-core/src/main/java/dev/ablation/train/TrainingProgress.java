package dev.ablation.train;

import com.google.common.base.Preconditions;
import dev.ablation.model.DiffusionModel;
import java.util.List;
import java.util.Objects;
import java.util.OptionalDouble;
import java.util.function.BooleanSupplier;

/**
 * Where training stands after a step, as monitors and listeners see it.
 *
 * @param model computes with the weights as they are after the step, and records no gradients.
 *     Whoever looks may draw with it and predict, with seeds of their own; weights that are bound
 *     meanwhile must be as before afterwards.
 * @param step that was made, 0 before the first
 * @param steps how many there are
 * @param history of the steps made so far
 * @param measurements made so far, those of this step by monitors before this one included
 * @param cancelled whether the run was cancelled; to be asked during long work
 */
public record TrainingProgress(
    DiffusionModel model,
    int step,
    int steps,
    List<TrainingResult.Step> history,
    List<Measurement> measurements,
    BooleanSupplier cancelled) {

  /** Copies the lists and checks that there is one entry a step. */
  public TrainingProgress {
    Objects.requireNonNull(model, "model");
    Objects.requireNonNull(cancelled, "cancelled");
    history = List.copyOf(history);
    measurements = List.copyOf(measurements);
    Preconditions.checkArgument(
        history.size() == step, "history: expected %s steps, was %s", step, history.size());
  }

  /** {@return the loss of this step's batch, before its update} */
  public double loss() {
    return last().loss();
  }

  /** {@return the total 2-norm of this step's gradients before clipping} */
  public double gradientNorm() {
    return last().gradientNorm();
  }

  private TrainingResult.Step last() {
    Preconditions.checkState(step > 0, "no step was made yet");
    return history.get(step - 1);
  }

  /**
   * Returns the mean loss of the last steps.
   *
   * @param window how many steps, positive; fewer at the beginning
   * @return the mean
   */
  public double meanLoss(int window) {
    return window(window).stream().mapToDouble(TrainingResult.Step::loss).average().orElseThrow();
  }

  /**
   * Returns the mean gradient norm of the last steps.
   *
   * @param window how many steps, positive; fewer at the beginning
   * @return the mean
   */
  public double meanGradientNorm(int window) {
    return window(window).stream()
        .mapToDouble(TrainingResult.Step::gradientNorm)
        .average()
        .orElseThrow();
  }

  private List<TrainingResult.Step> window(int window) {
    Preconditions.checkArgument(window > 0, "window must be positive, was %s", window);
    Preconditions.checkState(step > 0, "no step was made yet");
    return history.subList(Math.max(0, step - window), step);
  }

  /**
   * Returns the values measured under a name, oldest first.
   *
   * @param name of what was measured
   * @return the measurements; empty if there are none yet
   */
  public List<Measurement> measured(String name) {
    return measurements.stream().filter(each -> each.name().equals(name)).toList();
  }

  /**
   * Returns the newest value measured under a name, which may be some steps old.
   *
   * @param name of what was measured
   * @return the value; empty if there is none yet
   */
  public OptionalDouble latest(String name) {
    List<Measurement> values = measured(name);
    return values.isEmpty()
        ? OptionalDouble.empty()
        : OptionalDouble.of(values.get(values.size() - 1).value());
  }
}
