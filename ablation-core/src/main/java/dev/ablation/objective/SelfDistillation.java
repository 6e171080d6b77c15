package dev.ablation.objective;

import ai.djl.ndarray.NDArray;
import dev.ablation.model.Conditioning;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * At the target's prompts, what the model predicts without a text.
 *
 * @param trajectory the way from pure noise; {@code null} for the noised anchor images
 */
record SelfDistillation(@Nullable Trajectory trajectory) implements OnTrajectory {

  @Override
  public String name() {
    return trajectory == null
        ? "self-distillation"
        : "self-distillation(%s)".formatted(trajectory.described());
  }

  @Override
  public NDArray loss(ObjectiveContext context) {
    TrainingBatch batch = context.batch();
    List<String> nothing = Collections.nCopies(batch.size(), "");
    NDArray point = point(context);
    Conditioning empty = context.encode(Teacher.CURRENT_WEIGHTS, nothing).with(batch.conditions());
    NDArray aim = context.predict(Teacher.CURRENT_WEIGHTS, point, batch.timesteps(), empty);
    Conditioning target = context.encode(batch.targetPrompts()).with(batch.conditions());
    NDArray prediction = context.predict(point, batch.timesteps(), target);
    NDArray error = Losses.masked(prediction, aim, batch.mask());
    return Losses.scaled(error, 1.0 / point.getShape().get(1));
  }

  /** As in the published code: with guidance the target's way, without it that of no text. */
  @Override
  public NDArray point(ObjectiveContext context) {
    return trajectory != null && trajectory.guidance() == 1
        ? trajectory.point(context, Collections.nCopies(context.batch().size(), ""))
        : OnTrajectory.super.point(context);
  }
}
