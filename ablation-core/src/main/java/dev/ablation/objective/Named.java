package dev.ablation.objective;

import ai.djl.ndarray.NDArray;

/** An objective with a name, that uses what others use. */
record Named(
    String name, boolean usesPriorBatch, boolean usesAveragedWeights, AblationObjective objective)
    implements AblationObjective {

  /** An objective that uses the pairs' batch, and perhaps the prior's. */
  Named(String name, boolean usesPriorBatch, AblationObjective objective) {
    this(name, usesPriorBatch, false, objective);
  }

  @Override
  public NDArray loss(ObjectiveContext context) {
    return objective.loss(context);
  }
}
