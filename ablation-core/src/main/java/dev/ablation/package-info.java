/**
 * The way in: {@link dev.ablation.Ablator} leads from a model, a target concept and an anchor to an
 * {@link dev.ablation.Ablation}, the complete plan, whose run returns an {@link
 * dev.ablation.AblationResult}. A plan may have several {@link dev.ablation.anchor.TargetAnchor}s
 * of a target and its anchor, and what it is to leave as it is, a {@link
 * dev.ablation.concept.Preservation}; an {@link dev.ablation.Estimate} says beforehand what it
 * takes.
 */
@NullMarked
package dev.ablation;

import org.jspecify.annotations.NullMarked;
