package dev.ablation.objective;

import ai.djl.ndarray.NDArray;
import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import java.util.List;
import java.util.Objects;
import java.util.function.DoubleUnaryOperator;

/**
 * The loss of a training step. Keeps no state between calls.
 *
 * {@snippet class="dev.ablation.Snippets" region="objective"}
 *
 * <p>Arrays that a loss makes from Java values, and multiplies or divides predictions by, must stay
 * open until the loss has returned and the step has ended: attach them to {@link
 * ObjectiveContext#scope()}. For numbers there is {@link Losses#scaled}; {@code array.mul(number)}
 * and {@code array.div(number)} close what the backward pass still reads.
 */
@FunctionalInterface
@CheckReturnValue
public interface AblationObjective {

  /**
   * Computes the loss of one step.
   *
   * @param context the step
   * @return a scalar of shape (), float32, that depends on the trained weights
   */
  NDArray loss(ObjectiveContext context);

  /**
   * Returns the name for events and provenance; unless overridden that of the class.
   *
   * @return the name, the same in every run
   * @throws IllegalArgumentException if the objective is a lambda, whose class is named differently
   *     each time: give it a name by {@link #named}
   */
  default String name() {
    Class<?> type = getClass();
    Preconditions.checkArgument(
        !type.isHidden() && !type.isSynthetic() && !type.isAnonymousClass(),
        "an objective that is a lambda must be given a name for provenance:"
            + " AblationObjective.named(\"my loss\", ...)");
    return type.getSimpleName();
  }

  /** {@return whether the objective uses {@link ObjectiveContext#priorBatch()}} */
  default boolean usesPriorBatch() {
    return false;
  }

  /**
   * {@return whether the objective uses {@link Teacher#AVERAGED_WEIGHTS}, which the trainer must
   * then keep}
   */
  default boolean usesAveragedWeights() {
    return false;
  }

  /**
   * {@return whether the objective uses the anchor images of {@link ObjectiveContext#batch()}} If
   * it takes nothing but a batch's prompts, noise and timesteps, as on a {@link Trajectory}, no
   * image is drawn or read: the batch then has zeros in the size that the model was trained for,
   * and every anchor prompt comes in turn.
   */
  default boolean usesAnchorImages() {
    return true;
  }

  /**
   * Gives an objective, such as a lambda, a name for provenance.
   *
   * @param name not blank
   * @param objective the loss
   * @return the same loss under that name
   */
  static AblationObjective named(String name, AblationObjective objective) {
    Preconditions.checkArgument(!name.isBlank(), "name of an objective must not be blank");
    return new Named(name, Uses.of(objective), objective);
  }

  /**
   * Returns {@code factor * this}.
   *
   * @param factor finite
   * @return the scaled objective
   */
  default AblationObjective times(double factor) {
    Preconditions.checkArgument(Double.isFinite(factor), "factor must be finite, was %s", factor);
    return new Named(
        factor + " * " + name(), Uses.of(this), context -> Losses.scaled(loss(context), factor));
  }

  /**
   * Returns {@code this + other}.
   *
   * @param other objective
   * @return the sum
   */
  default AblationObjective plus(AblationObjective other) {
    Objects.requireNonNull(other, "other");
    return new Named(
        name() + " + " + other.name(),
        Uses.of(this).or(Uses.of(other)),
        context -> loss(context).add(other.loss(context)));
  }

  /**
   * {@return the model-based objective with the paper's teacher (Kumari et al. 2023, equation 4
   * with the stopped gradient of section 3.2): the prediction for the target prompt must become
   * that of the network itself for the anchor prompt, at the same noised latents}
   *
   * @see Losses#masked
   */
  static AblationObjective modelBased() {
    return modelBased(Teacher.CURRENT_WEIGHTS);
  }

  /**
   * The model-based objective (Kumari et al. 2023, equation 4).
   *
   * @param teacher which weights predict for the anchor prompt
   * @return the objective
   */
  static AblationObjective modelBased(Teacher teacher) {
    Objects.requireNonNull(teacher, "teacher");
    String name =
        switch (teacher) {
          case CURRENT_WEIGHTS -> "model-based";
          case FROZEN_WEIGHTS -> "model-based(frozen)";
          case AVERAGED_WEIGHTS -> "model-based(averaged)";
        };
    return new Named(
        name,
        new Uses(false, teacher == Teacher.AVERAGED_WEIGHTS, true),
        context -> {
          TrainingBatch batch = context.batch();
          NDArray aim = context.predict(teacher, batch, batch.anchorPrompts());
          NDArray prediction = context.predict(batch, batch.targetPrompts());
          return Losses.masked(prediction, aim, batch.mask());
        });
  }

  /**
   * The model-based objective at points of the target's own trajectory, where the erased model will
   * be asked, instead of at noised anchor images: from pure noise, the weights of before the run
   * draw the target prompt up to the batch's timestep, by Euler's method and without guidance. No
   * anchor image is drawn.
   *
   * @param teacher which weights predict for the anchor prompt
   * @param steps network calls from pure noise to the timestep, positive; each costs a forward pass
   *     of the batch
   * @return the objective
   */
  static AblationObjective modelBasedOnTrajectory(Teacher teacher, int steps) {
    return new TrajectoryObjective(teacher, Trajectory.of(steps));
  }

  /**
   * {@link #modelBasedOnTrajectory(Teacher, int)} on a way of the caller's choice.
   *
   * @param teacher which weights predict for the anchor prompt
   * @param trajectory the target's way
   * @return the objective
   */
  static AblationObjective modelBasedOnTrajectory(Teacher teacher, Trajectory trajectory) {
    return new TrajectoryObjective(teacher, trajectory);
  }

  /**
   * Erasing without an anchor, as ESD does (Gandikota et al., <i>Erasing Concepts from Diffusion
   * Models</i>, ICCV 2023, arXiv 2303.07345, equation 7): the prediction for the target prompt must
   * become {@code e(target) - n (e(target) - e(""))} of the weights of before the run, at noised
   * anchor images. With n = 1 that is the prediction for the empty prompt, with more it leads away
   * from the target. (The scale of the paper's equation is n - 1.)
   *
   * <p>ESD-x trains {@link dev.ablation.model.WeightGroup#crossAttention()}, ESD-x-strict {@link
   * dev.ablation.model.WeightGroup#crossAttentionKeyValue()}, ESD-u the rest of the denoiser
   * without normalisations, for concepts that are more than their name.
   *
   * @param scale n, positive; the published code's default is 2
   * @return the objective
   * @see #negativeGuidanceOnTrajectory
   */
  static AblationObjective negativeGuidance(double scale) {
    return new NegativeGuidance(scale, null, NegativeGuidance.Form.FROM_TARGET);
  }

  /**
   * {@link #negativeGuidance} for a wider concept that loses the target: the anchor's prompts are
   * trained, {@code e(anchor) - n (e(target) - e(""))} is their aim ({@code erase_from} of the
   * published code).
   *
   * @param scale n, positive
   * @return the objective
   */
  static AblationObjective negativeGuidanceFromAnchor(double scale) {
    return new NegativeGuidance(scale, null, NegativeGuidance.Form.FROM_ANCHOR);
  }

  /**
   * {@link #negativeGuidance} at points of the target's own trajectory, as in ESD, instead of at
   * noised anchor images: from pure noise, the weights of before the run draw the target prompt up
   * to the batch's timestep, by Euler's method and without guidance. No anchor image is drawn.
   *
   * @param scale n, positive
   * @param steps network calls from pure noise to the timestep, positive; each costs a forward pass
   *     of the batch
   * @return the objective
   */
  static AblationObjective negativeGuidanceOnTrajectory(double scale, int steps) {
    return negativeGuidanceOnTrajectory(scale, Trajectory.of(steps));
  }

  /**
   * {@link #negativeGuidanceOnTrajectory(double, int)} on a way of the caller's choice. The
   * published code draws with guidance 3.
   *
   * @param scale n, positive
   * @param trajectory the target's way
   * @return the objective
   */
  static AblationObjective negativeGuidanceOnTrajectory(double scale, Trajectory trajectory) {
    Objects.requireNonNull(trajectory, "trajectory");
    return new NegativeGuidance(scale, trajectory, NegativeGuidance.Form.FROM_TARGET);
  }

  /**
   * {@link #negativeGuidance} from the anchor on, as in LECO and SPM (Lyu et al. 2024, arXiv
   * 2312.16145, section 3.2): the prediction for the target prompt must become {@code e(anchor) - n
   * (e(target) - e(anchor))} of the weights of before the run, at noised anchor images.
   *
   * @param scale n, positive; the published codes' default is 1
   * @return the objective
   */
  static AblationObjective negativeGuidanceToAnchor(double scale) {
    return new NegativeGuidance(scale, null, NegativeGuidance.Form.TO_ANCHOR);
  }

  /**
   * {@link #negativeGuidanceToAnchor(double)} at points of the target's own trajectory, as the
   * published codes train. These draw with the weights under training and guidance 3, at most 29
   * steps.
   *
   * @param scale n, positive
   * @param trajectory the target's way; no anchor image is drawn
   * @return the objective
   */
  static AblationObjective negativeGuidanceToAnchor(double scale, Trajectory trajectory) {
    Objects.requireNonNull(trajectory, "trajectory");
    return new NegativeGuidance(scale, trajectory, NegativeGuidance.Form.TO_ANCHOR);
  }

  /**
   * The loss of a concept-semi-permeable membrane (SPM; Lyu et al. 2024, arXiv 2312.16145, equation
   * 6): {@link #negativeGuidanceToAnchor(double, Trajectory)}, and beside it the predictions for
   * random text embeddings stay. Train it as a LoRA of rank 1 on {@link
   * dev.ablation.model.WeightGroup#transformers()}, and draw by {@link
   * dev.ablation.sample.FacilitatedTransport}.
   *
   * {@snippet class="dev.ablation.objective.SemiPermeableTest" region="semi-permeable"}
   *
   * @param scale n, positive; the published code's default is 1
   * @param trajectory the target's way; no anchor image is drawn
   * @param anchoring what stays
   * @return the objective
   */
  static AblationObjective semiPermeable(
      double scale, Trajectory trajectory, LatentAnchoring anchoring) {
    Objects.requireNonNull(trajectory, "trajectory");
    return new SemiPermeable(
        new NegativeGuidance(scale, trajectory, NegativeGuidance.Form.TO_ANCHOR), anchoring);
  }

  /**
   * Self-distillation, as SDD does (Kim et al., <i>Towards Safe Self-Distillation of Internet-Scale
   * Text-to-Image Diffusion Models</i>, 2023, arXiv 2307.05977): the prediction for the target
   * prompt must become that of the weights under training for the empty prompt, with its gradient
   * stopped, as a plain mean of squares. The anchor's prompts are not used.
   *
   * @param steps network calls from pure noise to the batch's timestep, with the weights of before
   *     the run and the empty prompt; each costs a forward pass of the batch, and no anchor image
   *     is drawn. 0 for noised anchor images
   * @return the objective
   */
  static AblationObjective selfDistillation(int steps) {
    Preconditions.checkArgument(steps >= 0, "steps must not be negative, was %s", steps);
    return new SelfDistillation(steps == 0 ? null : Trajectory.of(steps));
  }

  /**
   * {@link #selfDistillation(int)} on a way of the caller's choice: without guidance that of the
   * empty prompt, with guidance the target's. The published code draws it with a moving average of
   * the weights, which is also the result:
   *
   * {@snippet class="dev.ablation.train.AverageTest" region="self-distillation"}
   *
   * <p>It trains {@link dev.ablation.model.WeightGroup#crossAttention()} for 1,500 steps of one
   * image at a learning rate of 1e-5, with weight decay 1e-4.
   *
   * @param trajectory the way
   * @return the objective
   */
  static AblationObjective selfDistillation(Trajectory trajectory) {
    return new SelfDistillation(Objects.requireNonNull(trajectory, "trajectory"));
  }

  /**
   * {@return the noise-based objective (Kumari et al. 2023, equation 5): ordinary denoising of the
   * anchor images under the target prompts}
   */
  static AblationObjective noiseBased() {
    return new Named(
        "noise-based",
        false,
        context -> {
          TrainingBatch batch = context.batch();
          NDArray prediction = context.predict(batch, batch.targetPrompts());
          return Losses.masked(prediction, Losses.denoisingTarget(context, batch), batch.mask());
        });
  }

  /**
   * The noise-based objective with another weight for each timestep than the published one, which
   * is 1.
   *
   * @param weighting of the timesteps
   * @return the objective
   */
  static AblationObjective noiseBased(TimestepWeighting weighting) {
    Objects.requireNonNull(weighting, "weighting");
    return new Named(
        "noise-based(%s)".formatted(weighting.name()),
        false,
        context -> {
          TrainingBatch batch = context.batch();
          DoubleUnaryOperator ofTime = weighting.on(context.schedule());
          double[] times = context.schedule().toTimes(batch.timesteps());
          float[] weights = new float[times.length];
          for (int i = 0; i < weights.length; i++) {
            weights[i] = (float) ofTime.applyAsDouble(times[i]);
          }
          NDArray prediction = context.predict(batch, batch.targetPrompts());
          return Losses.weighted(
              prediction,
              Losses.denoisingTarget(context, batch),
              batch.mask(),
              context.scope().create(weights));
        });
  }

  /**
   * Prior preservation: ordinary denoising of further anchor images under their own prompts, a
   * plain mean without a mask. Add it to an objective with its weight: {@code
   * modelBased().plus(priorPreservation().times(0.2))}.
   *
   * @return the objective
   */
  static AblationObjective priorPreservation() {
    return priorPreservation(PriorTarget.DENOISING);
  }

  /**
   * Prior preservation with another aim than {@link #priorPreservation()}.
   *
   * @param aim the prediction to reach
   * @return the objective
   */
  static AblationObjective priorPreservation(PriorTarget aim) {
    Objects.requireNonNull(aim, "aim");
    return new Named(
        aim == PriorTarget.DENOISING ? "prior-preservation" : "prior-preservation(noise)",
        true,
        context -> {
          TrainingBatch batch = Losses.requirePrior(context);
          NDArray prediction = context.predict(batch, batch.anchorPrompts());
          NDArray target =
              aim == PriorTarget.DENOISING ? Losses.denoisingTarget(context, batch) : batch.noise();
          return prediction.sub(target).square().mean();
        });
  }

  /**
   * Prior preservation as in the paper's own implementation: the same masked error as in the other
   * objectives, so that with C channels it counts C times as much as {@link #priorPreservation()}.
   *
   * @return the objective
   * @see Losses#masked
   */
  static AblationObjective maskedPriorPreservation() {
    return new Named(
        "masked-prior-preservation",
        true,
        context -> {
          TrainingBatch batch = Losses.requirePrior(context);
          NDArray prediction = context.predict(batch, batch.anchorPrompts());
          return Losses.masked(prediction, Losses.denoisingTarget(context, batch), batch.mask());
        });
  }

  /**
   * Preservation: the prediction for the preserved prompts must stay that of the weights as they
   * were before the run, at the same noised latents. A plan with {@code preserve(...)} adds it to
   * whatever objective it has.
   *
   * @return the objective
   * @see Losses#masked
   * @see TrainingBatch#preservedPrompts()
   */
  static AblationObjective preservation() {
    return new Named(
        "preservation",
        false,
        context -> {
          TrainingBatch batch = context.batch();
          List<String> prompts = batch.preservedPrompts();
          Preconditions.checkState(
              !prompts.isEmpty(),
              "the objective needs prompts to preserve, but the batch has none");
          NDArray aim = context.predict(Teacher.FROZEN_WEIGHTS, batch, prompts);
          return Losses.masked(context.predict(batch, prompts), aim, batch.mask());
        });
  }
}
