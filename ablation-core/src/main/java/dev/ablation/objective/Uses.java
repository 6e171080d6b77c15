package dev.ablation.objective;

/**
 * What an objective uses beside the pairs' prompts.
 *
 * @param priorBatch further anchor images
 * @param averagedWeights the moving average of the weights under training
 * @param anchorImages the pairs' anchor images
 */
record Uses(boolean priorBatch, boolean averagedWeights, boolean anchorImages) {

  static Uses of(AblationObjective objective) {
    return new Uses(
        objective.usesPriorBatch(), objective.usesAveragedWeights(), objective.usesAnchorImages());
  }

  /** What either uses. */
  Uses or(Uses other) {
    return new Uses(
        priorBatch || other.priorBatch,
        averagedWeights || other.averagedWeights,
        anchorImages || other.anchorImages);
  }
}
