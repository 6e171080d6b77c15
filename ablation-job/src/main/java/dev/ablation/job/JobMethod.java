package dev.ablation.job;

import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.job.internal.Described;
import dev.ablation.job.internal.Shorthand;
import org.jspecify.annotations.Nullable;

/**
 * How the target is removed.
 *
 * @param preset published settings: {@code recommended} (tuned for the emoji model; {@code
 *     standard} for others), {@code standard}, {@code diffusers}, {@code diffusers-with-prior},
 *     {@code paper}, {@code paper-with-prior}. Default: {@code recommended}
 * @param weights weights to change: {@code cross-attention-key-value}, {@code cross-attention},
 *     {@code attention}, {@code denoiser}, {@code outside-cross-attention} (what ESD-u trains),
 *     {@code transformers} (what SPM and LECO adapt), {@code token-embeddings}, {@code
 *     first-text-layer}. Default: the preset's, or the objective's
 * @param objective the loss. Default: the preset's
 * @param training settings of training by gradient. With {@code closedForm} only if that says
 *     {@code polish}
 * @param closedForm computes the change from one linear system instead of training
 * @param earlyStopping trains until the target is gone, and stops where neighbours suffer. Needs
 *     the evaluator of the emoji model and one target
 */
@Shorthand("preset")
@CheckReturnValue
public record JobMethod(
    @Described(
            value =
                "Published settings: `recommended` (tuned for the emoji model; `standard` for others), `standard`, `diffusers`, `diffusers-with-prior`, `paper`, `paper-with-prior`. Default: `recommended`.",
            oneOf = {
              "recommended",
              "standard",
              "diffusers",
              "diffusers-with-prior",
              "paper",
              "paper-with-prior"
            })
        @Nullable String preset,
    @Described(
            value =
                "Weights to change: `cross-attention-key-value`, `cross-attention`, `attention`, `denoiser`, `outside-cross-attention` (what ESD-u trains), `transformers` (what SPM and LECO adapt), `token-embeddings`, `first-text-layer`. Default: the preset's, or the objective's.",
            oneOf = {
              "cross-attention-key-value",
              "cross-attention",
              "attention",
              "denoiser",
              "outside-cross-attention",
              "transformers",
              "token-embeddings",
              "first-text-layer"
            })
        @Nullable String weights,
    @Described("The loss. Default: the preset's.") @Nullable JobObjective objective,
    @Described("Settings of training by gradient. With `closedForm` only if that says `polish`.")
        @Nullable JobTraining training,
    @Described("Computes the change from one linear system instead of training.")
        @Nullable JobClosedForm closedForm,
    @Described(
            "Trains until the target is gone, and stops where neighbours suffer. Needs the evaluator of the emoji model and one target.")
        @Nullable JobEarlyStopping earlyStopping) {

  /** Copies and checks the values. */
  public JobMethod {
    if (closedForm != null
        && !closedForm.isPolished()
        && (training != null || objective != null || earlyStopping != null)) {
      throw new IllegalArgumentException(
          "closedForm must stand without training, objective and earlyStopping, which belong to"
              + " training by gradient, unless it says polish");
    }
    if (objective != null
        && objective.trajectory() != null
        && "averaged-weights".equals(objective.trajectory().teacher())
        && (training == null || training.average() == null)) {
      throw new IllegalArgumentException(
          "trajectory of averaged-weights must stand with an average of training, such as 0.999");
    }
    if (objective != null && objective.isTrainer()) {
      if (closedForm != null || (preset != null && !preset.equals(RECOMMENDED))) {
        throw new IllegalArgumentException(
            "objective '%s' must stand without closedForm and preset".formatted(objective.kind()));
      }
      if (earlyStopping != null && JobObjective.TASK_VECTOR.equals(objective.kind())) {
        throw new IllegalArgumentException(
            "earlyStopping must stand without objective 'task-vector', whose training learns the"
                + " target");
      }
    }
  }

  /**
   * What suits the model best: settings tuned for the emoji model, the standard ones for others.
   */
  public static final String RECOMMENDED = "recommended";

  /**
   * Chooses a preset.
   *
   * @param name such as {@code "recommended"}
   * @return the method
   */
  public static JobMethod preset(String name) {
    return new JobMethod(name, null, null, null, null, null);
  }

  /**
   * Changes the closed form.
   *
   * @param changed the closed form; {@code null} for training by gradient alone
   * @return a copy with the given closed form
   */
  public JobMethod closedForm(@Nullable JobClosedForm changed) {
    return new JobMethod(preset, weights, objective, training, changed, earlyStopping);
  }

  /**
   * Changes the weights.
   *
   * @param changed name of the weights to change; {@code null} for the preset's
   * @return a copy with the given weights
   */
  public JobMethod weights(@Nullable String changed) {
    return new JobMethod(preset, changed, objective, training, closedForm, earlyStopping);
  }

  /**
   * Changes the loss.
   *
   * @param changed the loss; {@code null} for the preset's
   * @return a copy with the given loss
   */
  public JobMethod objective(@Nullable JobObjective changed) {
    return new JobMethod(preset, weights, changed, training, closedForm, earlyStopping);
  }

  /**
   * Changes the settings of training by gradient.
   *
   * @param changed the settings
   * @return a copy with the given settings
   */
  public JobMethod training(JobTraining changed) {
    return new JobMethod(preset, weights, objective, changed, closedForm, earlyStopping);
  }
}
