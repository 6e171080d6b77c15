package dev.ablation.job;

import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.job.internal.Described;
import dev.ablation.job.internal.Shorthand;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The loss of training by gradient.
 *
 * @param kind {@code model-based} (equation 4 of the paper), {@code noise-based} (equation 5),
 *     {@code negative-guidance} (ESD: away from the target, without an anchor), {@code
 *     negative-guidance-to-anchor} (LECO: from the anchor away from the target), {@code
 *     semi-permeable} (SPM: the same beside latent anchoring; needs a trajectory), {@code
 *     self-distillation} (SDD: to what the model draws without a prompt), {@code
 *     representation-misdirection} (HiRM: trains the first layer of the text encoder), {@code
 *     task-vector} (subtracts what the model learns from its images of the target) or {@code
 *     redirection} (also noised images and learned words of the target lead to the anchor).
 *     Default: {@code model-based}
 * @param teacher for {@code model-based}: which weights predict for the anchor, {@code
 *     current-weights} (the paper's) or {@code frozen-weights}. Default: {@code current-weights}
 * @param weighting for {@code noise-based}: weight of a timestep. Default: {@code uniform}
 * @param scale for {@code negative-guidance}: 1 leads to the empty prompt, more away from the
 *     target; default: 2. For {@code negative-guidance-to-anchor} and {@code semi-permeable}: how
 *     far from the anchor away from the target; default: 1. For {@code task-vector}: how much is
 *     subtracted; default: 0.5
 * @param trajectory for {@code model-based}, {@code negative-guidance}, {@code
 *     negative-guidance-to-anchor}, {@code semi-permeable} and {@code self-distillation}: the way
 *     from pure noise to the point of the loss, in place of noised anchor images, which are not
 *     drawn then. Default: noised anchor images
 * @param priorWeight weight of prior preservation on the anchor's images, not with {@code
 *     redirection}. Default: none
 * @param redirection for {@code redirection}: its settings
 * @param anchoring for {@code semi-permeable}: the random text embeddings that stay
 */
@Shorthand("kind")
@CheckReturnValue
public record JobObjective(
    @Described(
            value =
                "`model-based` (equation 4 of the paper), `noise-based` (equation 5), `negative-guidance` (ESD: away from the target, without an anchor), `negative-guidance-to-anchor` (LECO: from the anchor away from the target), `semi-permeable` (SPM: the same beside latent anchoring; needs a trajectory), `self-distillation` (SDD: to what the model draws without a prompt), `representation-misdirection` (HiRM: trains the first layer of the text encoder; whoever draws with the original one has the target back), `task-vector` (subtracts what the model learns from its images of the target) or `redirection` (also noised images and learned words of the target lead to the anchor). Default: `model-based`.",
            oneOf = {
              "model-based",
              "noise-based",
              "negative-guidance",
              "negative-guidance-to-anchor",
              "semi-permeable",
              "self-distillation",
              "representation-misdirection",
              "task-vector",
              "redirection"
            })
        @Nullable String kind,
    @Described(
            value =
                "For `model-based`: which weights predict for the anchor, `current-weights` (the paper's) or `frozen-weights`. Default: `current-weights`.",
            oneOf = {"current-weights", "frozen-weights"})
        @Nullable String teacher,
    @Described("For `noise-based`: weight of a timestep. Default: `uniform`.")
        @Nullable JobWeighting weighting,
    @Described(
            value =
                "For `negative-guidance`: 1 leads to the empty prompt, more away from the target; default: 2. For `negative-guidance-to-anchor` and `semi-permeable`: how far from the anchor away from the target; default: 1. For `task-vector`: how much is subtracted; default: 0.5.",
            positive = true)
        @Nullable Double scale,
    @Described(
            "For `model-based`, `negative-guidance`, `negative-guidance-to-anchor`, `semi-permeable` and `self-distillation`: the way from pure noise to the point of the loss, in place of noised anchor images, which are not drawn then. Default: noised anchor images.")
        @Nullable JobTrajectory trajectory,
    @Described(
            value =
                "Weight of prior preservation on the anchor's images, not with `redirection`. Default: none.",
            positive = true)
        @Nullable Double priorWeight,
    @Described("For `redirection`: its settings.") @Nullable JobRedirection redirection,
    @Described("For `semi-permeable`: the random text embeddings that stay.")
        @Nullable JobAnchoring anchoring) {

  static final String MODEL_BASED = "model-based";
  static final String NOISE_BASED = "noise-based";
  static final String NEGATIVE_GUIDANCE = "negative-guidance";
  static final String TO_ANCHOR = "negative-guidance-to-anchor";
  static final String SEMI_PERMEABLE = "semi-permeable";
  static final String SELF_DISTILLATION = "self-distillation";
  static final String MISDIRECTION = "representation-misdirection";
  static final String TASK_VECTOR = "task-vector";
  static final String REDIRECTION = "redirection";

  /** Checks the values. */
  public JobObjective {
    String chosen = kind == null ? MODEL_BASED : kind;
    check("teacher", teacher, chosen, MODEL_BASED);
    check("weighting", weighting, chosen, NOISE_BASED);
    check("scale", scale, chosen, NEGATIVE_GUIDANCE, TO_ANCHOR, SEMI_PERMEABLE, TASK_VECTOR);
    check(
        "trajectory",
        trajectory,
        chosen,
        MODEL_BASED,
        NEGATIVE_GUIDANCE,
        TO_ANCHOR,
        SEMI_PERMEABLE,
        SELF_DISTILLATION);
    check(
        "priorWeight",
        priorWeight,
        chosen,
        MODEL_BASED,
        NOISE_BASED,
        NEGATIVE_GUIDANCE,
        TO_ANCHOR,
        SEMI_PERMEABLE,
        SELF_DISTILLATION);
    check("redirection", redirection, chosen, REDIRECTION);
    check("anchoring", anchoring, chosen, SEMI_PERMEABLE);
    if (SEMI_PERMEABLE.equals(kind) && trajectory == null) {
      throw new IllegalArgumentException(
          "trajectory must stand with kind 'semi-permeable', such as 8");
    }
  }

  boolean isRedirection() {
    return REDIRECTION.equals(kind);
  }

  private static void check(String name, @Nullable Object value, String kind, String... owners) {
    if (value != null && !List.of(owners).contains(kind)) {
      throw new IllegalArgumentException(
          "%s must stand with kind '%s' alone".formatted(name, String.join("' or '", owners)));
    }
  }

  /**
   * Changes where the loss is taken.
   *
   * @param way from pure noise
   * @return a copy with the given way
   */
  public JobObjective trajectory(JobTrajectory way) {
    return new JobObjective(
        kind, teacher, weighting, scale, way, priorWeight, redirection, anchoring);
  }

  /**
   * Chooses a membrane, as SPM does, with its published scale and anchoring.
   *
   * @param way from pure noise to the point of the loss
   * @return the loss
   */
  public static JobObjective semiPermeable(JobTrajectory way) {
    return new JobObjective(SEMI_PERMEABLE, null, null, null, way, null, null, null);
  }

  /**
   * Chooses a loss with its default settings.
   *
   * @param kind such as {@code "self-distillation"}
   * @return the loss
   */
  public static JobObjective of(String kind) {
    return new JobObjective(kind, null, null, null, null, null, null, null);
  }

  /** {@return the objective of the paper with frozen weights as the teacher} */
  public static JobObjective frozenTeacher() {
    return new JobObjective(null, "frozen-weights", null, null, null, null, null, null);
  }

  /** {@return whether it is a trainer of its own, which draws no anchor images} */
  boolean isTrainer() {
    return MISDIRECTION.equals(kind) || TASK_VECTOR.equals(kind);
  }
}
