package dev.ablation.objective;

import ai.djl.ndarray.NDArray;
import java.util.Objects;

/**
 * The target leads to the anchor, and random text embeddings stay, at the same points.
 *
 * @param removal to the anchor
 * @param anchoring what stays
 */
record SemiPermeable(NegativeGuidance removal, LatentAnchoring anchoring)
    implements AblationObjective {

  SemiPermeable {
    Objects.requireNonNull(anchoring, "anchoring");
  }

  @Override
  public String name() {
    return "%s + %s".formatted(removal.name(), anchoring.described());
  }

  @Override
  public boolean usesAveragedWeights() {
    return removal.usesAveragedWeights();
  }

  @Override
  public boolean usesAnchorImages() {
    return removal.usesAnchorImages();
  }

  @Override
  public NDArray loss(ObjectiveContext context) {
    NDArray point = removal.point(context);
    NDArray removed = removal.loss(context, point);
    return removed.add(Losses.scaled(anchoring.loss(context, point), anchoring.weight()));
  }
}
