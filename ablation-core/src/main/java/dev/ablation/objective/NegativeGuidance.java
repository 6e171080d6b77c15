package dev.ablation.objective;

import ai.djl.ndarray.NDArray;
import com.google.common.base.Preconditions;
import dev.ablation.model.Conditioning;
import java.util.Collections;
import java.util.List;

/**
 * Away from the target, without an anchor.
 *
 * @param scale n of {@link AblationObjective#negativeGuidance}
 * @param steps of the target's trajectory; 0 for the noised anchor images
 * @param fromAnchor whether the anchor's prompts lose the target, instead of the target's own
 */
record NegativeGuidance(double scale, int steps, boolean fromAnchor) implements AblationObjective {

  NegativeGuidance {
    Preconditions.checkArgument(
        scale > 0 && Double.isFinite(scale), "scale must be positive, was %s", scale);
    Preconditions.checkArgument(steps >= 0, "steps must not be negative, was %s", steps);
  }

  @Override
  public String name() {
    return "negative-guidance(%s%s%s)"
        .formatted(
            scale,
            steps == 0 ? "" : ", trajectory of %d steps".formatted(steps),
            fromAnchor ? ", from the anchor" : "");
  }

  @Override
  public NDArray loss(ObjectiveContext context) {
    TrainingBatch batch = context.batch();
    List<String> target = batch.targetPrompts();
    NDArray point = steps == 0 ? context.noised(batch) : new Trajectory(steps).point(context);
    NDArray conditional = frozen(context, point, target);
    NDArray unconditional = frozen(context, point, Collections.nCopies(batch.size(), ""));
    NDArray away = Losses.scaled(conditional.sub(unconditional), -scale);
    List<String> changed = fromAnchor ? batch.anchorPrompts() : target;
    NDArray start = fromAnchor ? frozen(context, point, changed) : conditional;
    Conditioning trained = context.encode(changed).with(batch.conditions());
    NDArray prediction = context.predict(point, batch.timesteps(), trained);
    NDArray error = Losses.masked(prediction, start.add(away), batch.mask());
    return Losses.scaled(error, 1.0 / point.getShape().get(1));
  }

  private NDArray frozen(ObjectiveContext context, NDArray point, List<String> prompts) {
    TrainingBatch batch = context.batch();
    if (steps == 0) {
      return context.predict(Teacher.FROZEN_WEIGHTS, batch, prompts);
    }
    Conditioning conditioning = context.encode(Teacher.FROZEN_WEIGHTS, prompts);
    return context.predict(
        Teacher.FROZEN_WEIGHTS, point, batch.timesteps(), conditioning.with(batch.conditions()));
  }
}
