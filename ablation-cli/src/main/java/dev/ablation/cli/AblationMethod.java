package dev.ablation.cli;

import dev.ablation.job.JobClosedForm;
import java.util.Locale;

/** How the weights are found. */
enum AblationMethod {
  /** Gradient descent, as in the paper. */
  GRADIENT("", true),
  /** Least squares on whole sequences of text embeddings. */
  CLOSED_FORM("sequences", false),
  /** Gradient descent that begins with the closed form. */
  POLISHED("sequences", true),
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

  /** {@return the closed form of a method that has one} */
  JobClosedForm closedForm() {
    return JobClosedForm.of(form, steps);
  }
}
