package dev.ablation.objective;

import ai.djl.ndarray.NDArray;
import com.google.common.base.Preconditions;
import dev.ablation.model.Conditioning;
import java.util.Collections;
import java.util.List;

/**
 * At the target's prompts, what the model predicts without a text.
 *
 * @param steps of the way from pure noise; 0 for the noised anchor images
 */
record SelfDistillation(int steps) implements AblationObjective {

  SelfDistillation {
    Preconditions.checkArgument(steps >= 0, "steps must not be negative, was %s", steps);
  }

  @Override
  public String name() {
    return steps == 0
        ? "self-distillation"
        : "self-distillation(trajectory of %d steps)".formatted(steps);
  }

  @Override
  public NDArray loss(ObjectiveContext context) {
    TrainingBatch batch = context.batch();
    List<String> nothing = Collections.nCopies(batch.size(), "");
    NDArray point =
        steps == 0 ? context.noised(batch) : new Trajectory(steps).point(context, nothing);
    Conditioning empty = context.encode(Teacher.CURRENT_WEIGHTS, nothing).with(batch.conditions());
    NDArray aim = context.predict(Teacher.CURRENT_WEIGHTS, point, batch.timesteps(), empty);
    Conditioning target = context.encode(batch.targetPrompts()).with(batch.conditions());
    NDArray prediction = context.predict(point, batch.timesteps(), target);
    NDArray error = Losses.masked(prediction, aim, batch.mask());
    return Losses.scaled(error, 1.0 / point.getShape().get(1));
  }
}
