package dev.ablation.objective;

import ai.djl.ndarray.NDArray;
import dev.ablation.model.Conditioning;
import java.util.Objects;

/**
 * The model-based objective where the model arrives when it draws the target.
 *
 * @param teacher which weights predict for the anchor
 * @param trajectory from pure noise
 */
record TrajectoryObjective(Teacher teacher, Trajectory trajectory) implements OnTrajectory {

  TrajectoryObjective {
    Objects.requireNonNull(teacher, "teacher");
    Objects.requireNonNull(trajectory, "trajectory");
  }

  @Override
  public String name() {
    return "model-based(%s%s)"
        .formatted(
            trajectory.described(),
            switch (teacher) {
              case CURRENT_WEIGHTS -> "";
              case FROZEN_WEIGHTS -> ", frozen";
              case AVERAGED_WEIGHTS -> ", averaged";
            });
  }

  @Override
  public boolean usesAveragedWeights() {
    return teacher == Teacher.AVERAGED_WEIGHTS || OnTrajectory.super.usesAveragedWeights();
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
}
