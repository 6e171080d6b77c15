package dev.ablation.cli;

import dev.ablation.job.JobClosedForm;
import dev.ablation.job.JobLearningRate;
import dev.ablation.job.JobLora;
import dev.ablation.job.JobMethod;
import dev.ablation.job.JobObjective;
import dev.ablation.job.JobOptimizer;
import dev.ablation.job.JobTraining;
import dev.ablation.job.JobTrajectory;
import java.util.List;
import java.util.Locale;
import java.util.Objects;

/**
 * How the weights are found. A published method has its published settings; the emoji model, which
 * is much smaller, keeps its own steps, batch and rate.
 */
enum AblationMethod {
  /** Gradient descent, as in the paper. */
  GRADIENT(Kind.GRADIENT, true),
  /** Least squares on whole sequences of text embeddings. */
  CLOSED_FORM(Kind.CLOSED, false),
  /** Gradient descent that begins with the closed form. */
  POLISHED(Kind.GRADIENT, true),
  /** Gradient descent by redirection that begins with the closed form. */
  RESISTANT(Kind.GRADIENT, false),
  /** Unified concept editing. */
  UCE(Kind.CLOSED, false),
  /** Reliable and efficient concept erasure; one round, as published for styles and objects. */
  RECE(Kind.CLOSED, false),
  /** Orthogonal concept erasure. */
  ORTHOGONAL(Kind.CLOSED, false),
  /** Erased Stable Diffusion of cross-attention. */
  ESD_X(Kind.PUBLISHED, false),
  /** Erased Stable Diffusion of keys and values of cross-attention. */
  ESD_X_STRICT(Kind.PUBLISHED, false),
  /** Erased Stable Diffusion of all but cross-attention. */
  ESD_U(Kind.PUBLISHED, false),
  /** Safe self-distillation. */
  SDD(Kind.PUBLISHED, false),
  /** Low-rank adaptation that erases a concept. */
  LECO(Kind.PUBLISHED, false),
  /** Concept-semi-permeable membrane; the delta of a run has the gate of the targets' names. */
  SPM(Kind.PUBLISHED, false),
  /** Misdirection of the text encoder's first layer. */
  HIRM(Kind.PUBLISHED, false),
  /** What fine-tuning on the target changes, subtracted. */
  TASK_VECTOR(Kind.PUBLISHED, false);

  /** Where settings come from. */
  private enum Kind {
    GRADIENT,
    CLOSED,
    PUBLISHED
  }

  /** Network calls on a way from pure noise: of models of a usual size, and of the emoji model. */
  private static final int WAY = 20;

  private static final int SHORT_WAY = 8;

  private final Kind kind;
  private final boolean anchorImages;

  AblationMethod(Kind kind, boolean anchorImages) {
    this.kind = kind;
    this.anchorImages = anchorImages;
  }

  /** {@return the name on the command line} */
  String optionName() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** {@return whether it trains in steps} */
  boolean hasSteps() {
    return kind != Kind.CLOSED;
  }

  /** {@return whether it trains on images of the anchor} */
  boolean hasAnchorImages() {
    return anchorImages;
  }

  /** {@return whether a preset says how it trains} */
  boolean hasPresets() {
    return kind != Kind.PUBLISHED;
  }

  /**
   * Changes a job's method.
   *
   * @param checkpoint whether the model is not the emoji model, which begins with a closed form by
   *     itself where it redirects, and has settings of its own
   */
  JobMethod of(JobMethod method, boolean checkpoint) {
    return switch (this) {
      case GRADIENT -> method;
      case CLOSED_FORM -> method.closedForm(JobClosedForm.of("sequences", false));
      case POLISHED -> method.closedForm(JobClosedForm.of("sequences", true));
      case RESISTANT -> {
        JobMethod redirected = method.objective(JobObjective.of("redirection"));
        yield checkpoint ? redirected.closedForm(JobClosedForm.of("sequences", true)) : redirected;
      }
      case UCE, RECE, ORTHOGONAL -> method.closedForm(JobClosedForm.of(optionName(), false));
      case ESD_X -> esd(method, "cross-attention", checkpoint);
      case ESD_X_STRICT -> esd(method, "cross-attention-key-value", checkpoint);
      case ESD_U -> esd(method, "outside-cross-attention", checkpoint);
      case SDD -> sdd(method, checkpoint);
      case LECO -> leco(method, checkpoint);
      case SPM -> spm(method, checkpoint);
      case HIRM -> method.objective(JobObjective.of("representation-misdirection"));
      case TASK_VECTOR -> method.objective(JobObjective.of("task-vector"));
    };
  }

  private static JobTrajectory way(boolean checkpoint, String teacher, double guidance) {
    return new JobTrajectory(checkpoint ? WAY : SHORT_WAY, teacher, guidance);
  }

  /** What the user gave, with published settings for what is left. */
  private static JobTraining training(
      JobMethod method, boolean checkpoint, int steps, JobLearningRate rate, double weightDecay) {
    JobTraining given = Objects.requireNonNullElseGet(method.training(), JobTraining::defaults);
    if (!checkpoint) {
      return given;
    }
    // Only concept ablation stops gradients at the start token.
    return given
        .batchSize(1)
        .steps(given.steps() == null ? Integer.valueOf(steps) : given.steps())
        .learningRate(given.learningRate() == null ? rate : given.learningRate())
        .optimizer(new JobOptimizer(List.of(), null, weightDecay, null, false, null));
  }

  private static JobMethod esd(JobMethod method, String weights, boolean checkpoint) {
    return method
        .weights(weights)
        .objective(
            JobObjective.of("negative-guidance").trajectory(way(checkpoint, "frozen-weights", 3)))
        .training(training(method, checkpoint, 200, JobLearningRate.of(5e-5), 0));
  }

  private static JobMethod sdd(JobMethod method, boolean checkpoint) {
    // Of the emoji model's few steps the published average would keep mostly the base model.
    double average = checkpoint ? 0.999 : 0.99;
    return method
        .weights("cross-attention")
        .training(
            training(method, checkpoint, 1500, JobLearningRate.of(1e-5), 1e-4).average(average))
        .objective(
            JobObjective.of("self-distillation")
                .trajectory(way(checkpoint, "averaged-weights", 1)));
  }

  private static JobMethod leco(JobMethod method, boolean checkpoint) {
    return method
        .weights("transformers")
        .objective(
            JobObjective.of("negative-guidance-to-anchor")
                .trajectory(way(checkpoint, "current-weights", 3)))
        .training(
            training(method, checkpoint, 500, JobLearningRate.of(1e-4), 0.01)
                .lora(new JobLora(4, 1.0, "kaiming")));
  }

  private static JobMethod spm(JobMethod method, boolean checkpoint) {
    Integer given = Objects.requireNonNullElseGet(method.training(), JobTraining::defaults).steps();
    int steps = given == null ? 3000 : given;
    return method
        .weights("transformers")
        .objective(JobObjective.semiPermeable(way(checkpoint, "current-weights", 3)))
        .training(
            training(
                    method,
                    checkpoint,
                    steps,
                    JobLearningRate.cosineWithRestarts(1e-4, steps / 6, 3),
                    0.01)
                .lora(new JobLora(1, 1.0, "kaiming")));
  }
}
