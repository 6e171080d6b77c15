package dev.ablation.objective;

import ai.djl.ndarray.NDArray;

/** An objective with a name. */
record Named(String name, boolean usesPriorBatch, AblationObjective objective)
    implements AblationObjective {
  @Override
  public NDArray loss(ObjectiveContext context) {
    return objective.loss(context);
  }
}
