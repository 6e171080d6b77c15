package dev.ablation.anchor;

import com.google.common.base.Preconditions;
import dev.ablation.concept.Concept;
import java.util.Objects;

/**
 * A concept to remove, and what to draw in its place.
 *
 * {@snippet class="dev.ablation.Snippets" region="several-targets"}
 *
 * @param target what is removed
 * @param anchor what is drawn instead
 */
public record TargetAnchor(Concept target, AnchorStrategy anchor) {
  /** Checks that target and anchor differ in name. */
  public TargetAnchor {
    Objects.requireNonNull(target, "target");
    Objects.requireNonNull(anchor, "anchor");
    Preconditions.checkArgument(
        !target.name().equalsIgnoreCase(anchor.name()),
        "anchor must differ from the target, both were '%s'",
        target.name());
  }
}
