package dev.ablation.objective;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.common.base.Preconditions;
import dev.ablation.model.Conditioning;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.schedule.VariancePreservingSchedule;
import java.util.List;
import java.util.function.DoubleUnaryOperator;

/**
 * The way on which the weights of before the run draw an image, from pure noise and without
 * guidance, by Euler's method.
 *
 * @param steps network calls from pure noise to a batch's timesteps, positive
 */
record Trajectory(int steps) {

  Trajectory {
    Preconditions.checkArgument(steps > 0, "steps must be positive, was %s", steps);
  }

  /** {@return where the target's way is at the batch's timesteps, (B, C, H, W)} */
  NDArray point(ObjectiveContext context) {
    return point(context, context.batch().targetPrompts());
  }

  /** {@return where the way of other prompts is at the batch's timesteps, (B, C, H, W)} */
  NDArray point(ObjectiveContext context, List<String> prompts) {
    TrainingBatch batch = context.batch();
    NoiseSchedule schedule = context.schedule();
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
