package dev.ablation.objective;

import ai.djl.ndarray.NDArray;
import com.google.common.base.Preconditions;
import dev.ablation.model.Conditioning;
import java.util.Objects;

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
    NDArray point = new Trajectory(steps).point(context);
    NDArray times = batch.timesteps();
    Conditioning anchor = context.encode(teacher, batch.anchorPrompts());
    NDArray aim = context.predict(teacher, point, times, anchor.with(batch.conditions()));
    Conditioning target = context.encode(batch.targetPrompts());
    NDArray prediction = context.predict(point, times, target.with(batch.conditions()));
    return Losses.masked(prediction, aim, batch.mask());
  }
}
