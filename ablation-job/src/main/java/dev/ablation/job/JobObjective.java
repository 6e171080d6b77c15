package dev.ablation.job;

import dev.ablation.job.internal.Described;
import dev.ablation.job.internal.Shorthand;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The loss of training by gradient.
 *
 * @param kind {@code model-based} (equation 4 of the paper), {@code noise-based} (equation 5),
 *     {@code negative-guidance} (ESD: away from the target, without an anchor), {@code
 *     self-distillation} (SDD: to what the model draws without a prompt), {@code
 *     representation-misdirection} (HiRM: trains the first layer of the text encoder), {@code
 *     task-vector} (subtracts what the model learns from its images of the target) or {@code
 *     redirection} (also noised images and learned words of the target lead to the anchor).
 *     Default: {@code model-based}
 * @param teacher for {@code model-based}: which weights predict for the anchor, {@code
 *     current-weights} (the paper's) or {@code frozen-weights}. Default: {@code current-weights}
 * @param weighting for {@code noise-based}: weight of a timestep. Default: {@code uniform}
 * @param scale for {@code negative-guidance}: 1 leads to the empty prompt, more away from the
 *     target; default: 2. For {@code task-vector}: how much is subtracted; default: 0.5
 * @param trajectory for {@code model-based}, {@code negative-guidance} and {@code
 *     self-distillation}: network calls from pure noise to the point of the loss, in place of
 *     noised anchor images. Default: noised anchor images
 * @param priorWeight weight of prior preservation on the anchor's images, not with {@code
 *     redirection}. Default: none
 * @param redirection for {@code redirection}: its settings
 */
@Shorthand("kind")
public record JobObjective(
    @Described(
            value =
                "`model-based` (equation 4 of the paper), `noise-based` (equation 5), `negative-guidance` (ESD: away from the target, without an anchor), `self-distillation` (SDD: to what the model draws without a prompt), `representation-misdirection` (HiRM: trains the first layer of the text encoder; whoever draws with the original one has the target back), `task-vector` (subtracts what the model learns from its images of the target) or `redirection` (also noised images and learned words of the target lead to the anchor). Default: `model-based`.",
            oneOf = {
              "model-based",
              "noise-based",
              "negative-guidance",
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
                "For `negative-guidance`: 1 leads to the empty prompt, more away from the target; default: 2. For `task-vector`: how much is subtracted; default: 0.5.",
            positive = true)
        @Nullable Double scale,
    @Described(
            value =
                "For `model-based`, `negative-guidance` and `self-distillation`: network calls from pure noise to the point of the loss, in place of noised anchor images. Default: noised anchor images.",
            positive = true)
        @Nullable Integer trajectory,
    @Described(
            value =
                "Weight of prior preservation on the anchor's images, not with `redirection`. Default: none.",
            positive = true)
        @Nullable Double priorWeight,
    @Described("For `redirection`: its settings.") @Nullable JobRedirection redirection) {

  static final String MODEL_BASED = "model-based";
  static final String NOISE_BASED = "noise-based";
  static final String NEGATIVE_GUIDANCE = "negative-guidance";
  static final String SELF_DISTILLATION = "self-distillation";
  static final String MISDIRECTION = "representation-misdirection";
  static final String TASK_VECTOR = "task-vector";
  static final String REDIRECTION = "redirection";

  /** Checks the values. */
  public JobObjective {
    String chosen = kind == null ? MODEL_BASED : kind;
    check("teacher", teacher, chosen, MODEL_BASED);
    check("weighting", weighting, chosen, NOISE_BASED);
    check("scale", scale, chosen, NEGATIVE_GUIDANCE, TASK_VECTOR);
    check("trajectory", trajectory, chosen, MODEL_BASED, NEGATIVE_GUIDANCE, SELF_DISTILLATION);
    check(
        "priorWeight",
        priorWeight,
        chosen,
        MODEL_BASED,
        NOISE_BASED,
        NEGATIVE_GUIDANCE,
        SELF_DISTILLATION);
    check("redirection", redirection, chosen, REDIRECTION);
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
   * Chooses a loss with its default settings.
   *
   * @param kind such as {@code "self-distillation"}
   * @return the loss
   */
  public static JobObjective of(String kind) {
    return new JobObjective(kind, null, null, null, null, null, null);
  }

  /** {@return the objective of the paper with frozen weights as the teacher} */
  public static JobObjective frozenTeacher() {
    return new JobObjective(null, "frozen-weights", null, null, null, null, null);
  }

  /** {@return whether it is a trainer of its own, which draws no anchor images} */
  boolean isTrainer() {
    return MISDIRECTION.equals(kind) || TASK_VECTOR.equals(kind);
  }
}
