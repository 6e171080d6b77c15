package dev.ablation.job;

import dev.ablation.job.internal.Described;
import dev.ablation.job.internal.Shorthand;
import org.jspecify.annotations.Nullable;

/**
 * The loss of training by gradient.
 *
 * @param kind {@code model-based} (equation 4 of the paper), {@code noise-based} (equation 5),
 *     {@code negative-guidance} (ESD: away from the target, without an anchor) or {@code
 *     redirection} (also noised images and learned words of the target lead to the anchor).
 *     Default: {@code model-based}
 * @param teacher for {@code model-based}: which weights predict for the anchor, {@code
 *     current-weights} (the paper's) or {@code frozen-weights}. Default: {@code current-weights}
 * @param weighting for {@code noise-based}: weight of a timestep. Default: {@code uniform}
 * @param scale for {@code negative-guidance}: 1 leads to the empty prompt, more away from the
 *     target. Default: 2
 * @param priorWeight weight of prior preservation on the anchor's images, not with {@code
 *     redirection}. Default: none
 * @param redirection for {@code redirection}: its settings
 */
@Shorthand("kind")
public record JobObjective(
    @Described(
            value =
                "`model-based` (equation 4 of the paper), `noise-based` (equation 5), `negative-guidance` (ESD: away from the target, without an anchor) or `redirection` (also noised images and learned words of the target lead to the anchor). Default: `model-based`.",
            oneOf = {"model-based", "noise-based", "negative-guidance", "redirection"})
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
                "For `negative-guidance`: 1 leads to the empty prompt, more away from the target. Default: 2.",
            positive = true)
        @Nullable Double scale,
    @Described(
            value =
                "Weight of prior preservation on the anchor's images, not with `redirection`. Default: none.",
            positive = true)
        @Nullable Double priorWeight,
    @Described("For `redirection`: its settings.") @Nullable JobRedirection redirection) {

  static final String MODEL_BASED = "model-based";
  static final String NOISE_BASED = "noise-based";
  static final String NEGATIVE_GUIDANCE = "negative-guidance";

  static final String REDIRECTION = "redirection";

  /** Checks the values. */
  public JobObjective {
    String chosen = kind == null ? MODEL_BASED : kind;
    check("teacher", teacher, chosen, MODEL_BASED);
    check("weighting", weighting, chosen, NOISE_BASED);
    check("scale", scale, chosen, NEGATIVE_GUIDANCE);
    check("redirection", redirection, chosen, REDIRECTION);
    if (priorWeight != null && chosen.equals(REDIRECTION)) {
      throw new IllegalArgumentException(
          "priorWeight must not stand with kind 'redirection', which keeps other images itself");
    }
  }

  /**
   * Chooses a loss with its defaults.
   *
   * @param kind such as {@code "redirection"}
   * @return the loss
   */
  public static JobObjective of(String kind) {
    return new JobObjective(kind, null, null, null, null, null);
  }

  /**
   * Chooses the model-based loss.
   *
   * @param teacher {@code "current-weights"} or {@code "frozen-weights"}
   * @return the loss
   */
  public static JobObjective withTeacher(String teacher) {
    return new JobObjective(null, teacher, null, null, null, null);
  }

  boolean isRedirection() {
    return REDIRECTION.equals(kind);
  }

  private static void check(String name, @Nullable Object value, String kind, String owner) {
    if (value != null && !kind.equals(owner)) {
      throw new IllegalArgumentException(
          "%s must stand with kind '%s' alone".formatted(name, owner));
    }
  }
}
