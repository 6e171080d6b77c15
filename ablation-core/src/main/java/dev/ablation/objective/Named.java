package dev.ablation.objective;

import ai.djl.ndarray.NDArray;

/** An objective with a name. */
record Named(String name, Uses uses, AblationObjective objective) implements AblationObjective {

  /** An objective that uses the pairs' batch, and perhaps the prior's. */
  Named(String name, boolean usesPriorBatch, AblationObjective objective) {
    this(name, new Uses(usesPriorBatch, false, true), objective);
  }

  @Override
  public NDArray loss(ObjectiveContext context) {
    return objective.loss(context);
  }

  @Override
  public boolean usesPriorBatch() {
    return uses.priorBatch();
  }

  @Override
  public boolean usesAveragedWeights() {
    return uses.averagedWeights();
  }

  @Override
  public boolean usesAnchorImages() {
    return uses.anchorImages();
  }
}
