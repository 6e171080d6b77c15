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
        .formatted(
            steps,
            switch (teacher) {
              case CURRENT_WEIGHTS -> "";
              case FROZEN_WEIGHTS -> ", frozen";
              case AVERAGED_WEIGHTS -> ", averaged";
            });
  }

  @Override
  public boolean usesAveragedWeights() {
    return teacher == Teacher.AVERAGED_WEIGHTS;
  }

  @Override
  public NDArray loss(ObjectiveContext context) {
    TrainingBatch batch = context.batch();
    NDArray point = Trajectory.of(steps).point(context);
    NDArray times = batch.timesteps();
    Conditioning anchor = context.encode(teacher, batch.anchorPrompts());
    NDArray aim = context.predict(teacher, point, times, anchor.with(batch.conditions()));
    Conditioning target = context.encode(batch.targetPrompts());
    NDArray prediction = context.predict(point, times, target.with(batch.conditions()));
    // The masks are those of the anchor images, which are not seen here.
    return Losses.masked(prediction, aim, null);
  }
}
