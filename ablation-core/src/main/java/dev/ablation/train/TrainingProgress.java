package dev.ablation.train;

import com.google.common.base.Preconditions;
import dev.ablation.model.DiffusionModel;
import java.util.List;
import java.util.Objects;
import java.util.OptionalDouble;
import java.util.function.BooleanSupplier;

/**
 * The state of training after a step, for monitors and listeners.
 *
 * @param model computes with the weights after the step, and records no gradients. Observers may
 *     draw and predict with it, with their own seeds; bindings of weights must be restored
 *     afterwards.
 * @param step number of the completed step, 0 before the first
 * @param steps total number of steps
 * @param history of the steps made so far
 * @param measurements so far, including those of earlier monitors in this step
 * @param cancelled whether the run was cancelled; check it during long work
 */
public record TrainingProgress(
    DiffusionModel model,
    int step,
    int steps,
    List<TrainingResult.Step> history,
    List<Measurement> measurements,
    BooleanSupplier cancelled) {

  /** Copies the lists and checks that there is one entry per step. */
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
   * @param window number of steps, positive; fewer at the start
   * @return the mean
   */
  public double meanLoss(int window) {
    return window(window).stream().mapToDouble(TrainingResult.Step::loss).average().orElseThrow();
  }

  /**
   * Returns the mean gradient norm of the last steps.
   *
   * @param window number of steps, positive; fewer at the start
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
   * @param name name of the value
   * @return the measurements; empty if there are none yet
   */
  public List<Measurement> measured(String name) {
    return measurements.stream().filter(each -> each.name().equals(name)).toList();
  }

  /**
   * Returns the newest value measured under a name, which may be some steps old.
   *
   * @param name name of the value
   * @return the value; empty if there is none yet
   */
  public OptionalDouble latest(String name) {
    List<Measurement> values = measured(name);
    return values.isEmpty()
        ? OptionalDouble.empty()
        : OptionalDouble.of(values.get(values.size() - 1).value());
  }
}
