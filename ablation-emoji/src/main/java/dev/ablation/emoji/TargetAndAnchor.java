package dev.ablation.emoji;

import dev.ablation.anchor.GeneratedAnchors;
import dev.ablation.concept.Concept;

/**
 * What is removed and what is drawn instead.
 *
 * @param target to remove
 * @param anchor to draw instead
 */
public record TargetAndAnchor(Concept target, GeneratedAnchors anchor) {}
