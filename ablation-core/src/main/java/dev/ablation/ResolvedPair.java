package dev.ablation;

import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.concept.Concept;
import java.util.List;
import java.util.Set;

/**
 * A pair that a plan's check has looked at.
 *
 * @param pair with all that the preset fills in, and without the prompts that are left out
 * @param leftOut anchor prompts whose images are not used
 * @param preserved concepts whose rule fits every anchor prompt that is used
 * @param preservesAnchor whether something is to be preserved; if {@code preserved} is empty, it is
 *     the anchor prompts
 */
record ResolvedPair(
    TargetAnchor pair, Set<String> leftOut, List<Concept> preserved, boolean preservesAnchor) {
  ResolvedPair {
    leftOut = Set.copyOf(leftOut);
    preserved = List.copyOf(preserved);
  }

  Concept target() {
    return pair.target();
  }

  AnchorStrategy anchor() {
    return pair.anchor();
  }

  String anchorName() {
    return pair.anchor().name();
  }
}
