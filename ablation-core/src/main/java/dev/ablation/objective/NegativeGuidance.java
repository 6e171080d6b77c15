package dev.ablation.objective;

import ai.djl.ndarray.NDArray;
import com.google.common.base.Preconditions;
import dev.ablation.model.Conditioning;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Away from the target.
 *
 * @param scale n of {@link AblationObjective#negativeGuidance}
 * @param trajectory the target's way; {@code null} for the noised anchor images
 * @param form which prompts are trained, and from where it leads away
 */
record NegativeGuidance(double scale, @Nullable Trajectory trajectory, Form form)
    implements OnTrajectory {

  /** What is trained to become what. */
  enum Form {
    /** The target: {@code e(target) - n (e(target) - e(""))}. */
    FROM_TARGET(""),
    /** The anchor: {@code e(anchor) - n (e(target) - e(""))}. */
    FROM_ANCHOR(", from the anchor"),
    /** The target: {@code e(anchor) - n (e(target) - e(anchor))}. */
    TO_ANCHOR(", to the anchor");

    private final String described;

    Form(String described) {
      this.described = described;
    }
  }

  NegativeGuidance {
    Preconditions.checkArgument(
        scale > 0 && Double.isFinite(scale), "scale must be positive, was %s", scale);
    Objects.requireNonNull(form, "form");
  }

  @Override
  public String name() {
    return "negative-guidance(%s%s%s)"
        .formatted(scale, trajectory == null ? "" : ", " + trajectory.described(), form.described);
  }

  @Override
  public NDArray loss(ObjectiveContext context) {
    return loss(context, point(context));
  }

  /** The loss at a {@link #point}. */
  NDArray loss(ObjectiveContext context, NDArray point) {
    TrainingBatch batch = context.batch();
    List<String> target = batch.targetPrompts();
    NDArray conditional = frozen(context, point, target);
    List<String> less =
        form == Form.TO_ANCHOR ? batch.anchorPrompts() : Collections.nCopies(batch.size(), "");
    NDArray unconditional = frozen(context, point, less);
    NDArray away = Losses.scaled(conditional.sub(unconditional), -scale);
    List<String> changed = form == Form.FROM_ANCHOR ? batch.anchorPrompts() : target;
    NDArray start =
        switch (form) {
          case FROM_TARGET -> conditional;
          case FROM_ANCHOR -> frozen(context, point, changed);
          case TO_ANCHOR -> unconditional;
        };
    Conditioning trained = context.encode(changed).with(batch.conditions());
    NDArray prediction = context.predict(point, batch.timesteps(), trained);
    NDArray error = Losses.masked(prediction, start.add(away), batch.mask());
    return Losses.scaled(error, 1.0 / point.getShape().get(1));
  }

  private NDArray frozen(ObjectiveContext context, NDArray point, List<String> prompts) {
    TrainingBatch batch = context.batch();
    if (trajectory == null) {
      return context.predict(Teacher.FROZEN_WEIGHTS, batch, prompts);
    }
    Conditioning conditioning = context.encode(Teacher.FROZEN_WEIGHTS, prompts);
    return context.predict(
        Teacher.FROZEN_WEIGHTS, point, batch.timesteps(), conditioning.with(batch.conditions()));
  }
}
