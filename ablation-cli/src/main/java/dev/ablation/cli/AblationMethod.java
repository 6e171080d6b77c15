package dev.ablation.cli;

import dev.ablation.job.JobClosedForm;
import dev.ablation.job.JobMethod;
import dev.ablation.job.JobObjective;
import java.util.Locale;

/** How the weights are found. */
enum AblationMethod {
  /** Gradient descent, as in the paper. */
  GRADIENT("", true),
  /** Least squares on whole sequences of text embeddings. */
  CLOSED_FORM("sequences", false),
  /** Gradient descent that begins with the closed form. */
  POLISHED("sequences", true),
  /** Gradient descent by redirection that begins with the closed form. */
  RESISTANT("sequences", true),
  /** Unified concept editing. */
  UCE("uce", false),
  /** Reliable and efficient concept erasure; one round, as published for styles and objects. */
  RECE("rece", false),
  /** Orthogonal concept erasure. */
  ORTHOGONAL("orthogonal", false);

  private final String form;
  private final boolean steps;

  AblationMethod(String form, boolean steps) {
    this.form = form;
    this.steps = steps;
  }

  /** {@return the name on the command line} */
  String optionName() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** {@return whether it trains in steps} */
  boolean hasSteps() {
    return steps;
  }

  /**
   * Changes a job's method.
   *
   * @param checkpoint whether the model is not the emoji model, which begins with a closed form by
   *     itself where it redirects
   */
  JobMethod of(JobMethod method, boolean checkpoint) {
    JobMethod changed =
        this == RESISTANT ? method.objective(JobObjective.of("redirection")) : method;
    return this == GRADIENT || (this == RESISTANT && !checkpoint)
        ? changed
        : changed.closedForm(JobClosedForm.of(form, steps));
  }
}
