package dev.ablation.objective;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.common.base.Preconditions;
import dev.ablation.model.Conditioning;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.schedule.VariancePreservingSchedule;
import java.util.List;
import java.util.Objects;
import java.util.function.DoubleUnaryOperator;

/**
 * The model-based objective where the model arrives when it draws the target.
 *
 * @param teacher which weights predict for the anchor
 * @param steps of the way from pure noise
 */
record TrajectoryObjective(Teacher teacher, int steps) implements AblationObjective {

  TrajectoryObjective {
    Objects.requireNonNull(teacher, "teacher");
    Preconditions.checkArgument(steps > 0, "steps must be positive, was %s", steps);
  }

  @Override
  public String name() {
    return "model-based(trajectory of %d steps%s)"
        .formatted(steps, teacher == Teacher.FROZEN_WEIGHTS ? ", frozen" : "");
  }

  @Override
  public NDArray loss(ObjectiveContext context) {
    TrainingBatch batch = context.batch();
    NDArray point = point(context);
    NDArray times = batch.timesteps();
    Conditioning anchor = context.encode(teacher, batch.anchorPrompts());
    NDArray aim = context.predict(teacher, point, times, anchor.with(batch.conditions()));
    Conditioning target = context.encode(batch.targetPrompts());
    NDArray prediction = context.predict(point, times, target.with(batch.conditions()));
    return Losses.masked(prediction, aim, batch.mask());
  }

  /** Where the weights of before the run arrive at the batch's timesteps. */
  private NDArray point(ObjectiveContext context) {
    TrainingBatch batch = context.batch();
    NoiseSchedule schedule = context.schedule();
    List<String> prompts = batch.targetPrompts();
    Conditioning conditioning =
        context.encode(Teacher.FROZEN_WEIGHTS, prompts).with(batch.conditions());
    double[] ends = schedule.toTimes(batch.timesteps());
    NDArray point = batch.noise();
    for (int step = 0; step < steps; step++) {
      try (NDManager scope = context.scope().newSubManager()) {
        NDArray from = schedule.toArray(times(schedule, ends, step), scope);
        NDArray to = schedule.toArray(times(schedule, ends, step + 1), scope);
        NDArray prediction = context.predict(Teacher.FROZEN_WEIGHTS, point, from, conditioning);
        prediction.attach(scope);
        NDArray clean = schedule.predictOriginal(context.predictionType(), point, prediction, from);
        clean.attach(scope);
        NDArray alpha = weights(times(schedule, ends, step), schedule::alpha, scope);
        NDArray sigma = weights(times(schedule, ends, step), schedule::sigma, scope);
        NDArray scaled = clean.mul(alpha);
        NDArray noise = point.sub(scaled).div(sigma);
        noise.attach(scope);
        point = schedule.addNoise(clean, noise, to);
        point.attach(context.scope());
      }
    }
    return point;
  }

  /** The times of all rows after some of the steps, evenly spaced from the most noise. */
  private double[] times(NoiseSchedule schedule, double[] ends, int step) {
    double[] times = new double[ends.length];
    for (int i = 0; i < times.length; i++) {
      double time = schedule.maxTime() + (ends[i] - schedule.maxTime()) * step / steps;
      // A discrete schedule has whole times only.
      times[i] = schedule instanceof VariancePreservingSchedule ? Math.rint(time) : time;
    }
    return times;
  }

  private static NDArray weights(double[] times, DoubleUnaryOperator ofTime, NDManager scope) {
    float[] weights = new float[times.length];
    for (int i = 0; i < weights.length; i++) {
      weights[i] = (float) ofTime.applyAsDouble(times[i]);
    }
    return scope
        .create(weights, new Shape(weights.length, 1, 1, 1))
        .toDevice(scope.getDevice(), false);
  }
}
