package dev.ablation.objective;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.model.Conditioning;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.schedule.VariancePreservingSchedule;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.function.DoubleUnaryOperator;

/**
 * The way on which a model draws an image, from pure noise to a batch's timesteps, by Euler's
 * method: where a loss is taken instead of at noised anchor images.
 *
 * {@snippet class="dev.ablation.objective.SemiPermeableTest" region="trajectory"}
 *
 * @param steps network calls on the way, positive; each costs a forward pass of the batch, or two
 *     with guidance
 * @param teacher which weights draw
 * @param guidance scale of classifier-free guidance, at least 1, which is none
 */
@CheckReturnValue
public record Trajectory(int steps, Teacher teacher, double guidance) {

  /** Checks the ranges. */
  public Trajectory {
    Preconditions.checkArgument(steps > 0, "steps must be positive, was %s", steps);
    Objects.requireNonNull(teacher, "teacher");
    Preconditions.checkArgument(
        guidance >= 1 && Double.isFinite(guidance),
        "guidance must be finite and at least 1, was %s",
        guidance);
  }

  /**
   * Creates the way of the weights of before the run, without guidance.
   *
   * @param steps network calls, positive
   * @return the way
   */
  public static Trajectory of(int steps) {
    return new Trajectory(steps, Teacher.FROZEN_WEIGHTS, 1);
  }

  /**
   * Changes who draws.
   *
   * @param teacher which weights draw
   * @return a copy with the given teacher
   */
  public Trajectory teacher(Teacher teacher) {
    return new Trajectory(steps, teacher, guidance);
  }

  /**
   * Changes the guidance.
   *
   * @param guidance at least 1, which is none
   * @return a copy with the given guidance
   */
  public Trajectory guidance(double guidance) {
    return new Trajectory(steps, teacher, guidance);
  }

  /** What names of objectives say of it. */
  String described() {
    StringBuilder text = new StringBuilder("trajectory of %d steps".formatted(steps));
    switch (teacher) {
      case FROZEN_WEIGHTS -> {}
      case CURRENT_WEIGHTS -> text.append(" by the current weights");
      case AVERAGED_WEIGHTS -> text.append(" by the averaged weights");
    }
    return guidance == 1 ? text.toString() : text + ", guidance " + guidance;
  }

  /** {@return where the target's way is at the batch's timesteps, (B, C, H, W)} */
  NDArray point(ObjectiveContext context) {
    return point(context, context.batch().targetPrompts());
  }

  /** {@return where the way of other prompts is at the batch's timesteps, (B, C, H, W)} */
  NDArray point(ObjectiveContext context, List<String> prompts) {
    TrainingBatch batch = context.batch();
    NoiseSchedule schedule = context.schedule();
    Conditioning conditioning = encode(context, prompts);
    Conditioning nothing =
        guidance == 1 ? conditioning : encode(context, Collections.nCopies(prompts.size(), ""));
    double[] ends = schedule.toTimes(batch.timesteps());
    NDArray point = batch.noise();
    for (int step = 0; step < steps; step++) {
      try (NDManager scope = context.scope().newSubManager()) {
        NDArray from = schedule.toArray(times(schedule, ends, step), scope);
        NDArray to = schedule.toArray(times(schedule, ends, step + 1), scope);
        NDArray prediction = context.predict(teacher, point, from, conditioning);
        prediction.attach(scope);
        if (guidance != 1) {
          prediction = guided(prediction, context.predict(teacher, point, from, nothing), scope);
        }
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

  private Conditioning encode(ObjectiveContext context, List<String> prompts) {
    return context.encode(teacher, prompts).with(context.batch().conditions());
  }

  private NDArray guided(NDArray conditional, NDArray unconditional, NDManager scope) {
    unconditional.attach(scope);
    NDArray difference = conditional.sub(unconditional);
    difference.attach(scope);
    NDArray scaled = difference.mul((float) guidance); // no gradients are recorded on the way
    scaled.attach(scope);
    NDArray guided = unconditional.add(scaled);
    guided.attach(scope);
    return guided;
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
