package dev.ablation.objective;

import ai.djl.ndarray.NDArray;
import org.jspecify.annotations.Nullable;

/** An objective whose predictions are made on a way from pure noise, or at noised anchor images. */
interface OnTrajectory extends AblationObjective {

  /** {@return the way; {@code null} for the noised anchor images} */
  @Nullable Trajectory trajectory();

  @Override
  default boolean usesAveragedWeights() {
    Trajectory way = trajectory();
    return way != null && way.teacher() == Teacher.AVERAGED_WEIGHTS;
  }

  @Override
  default boolean usesAnchorImages() {
    return trajectory() == null;
  }

  /** {@return where predictions are made, (B, C, H, W): on the target's way, if there is one} */
  default NDArray point(ObjectiveContext context) {
    Trajectory way = trajectory();
    return way == null ? context.noised(context.batch()) : way.point(context);
  }
}
