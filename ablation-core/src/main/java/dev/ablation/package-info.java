/**
 * The entry point: {@link dev.ablation.Ablator} builds an {@link dev.ablation.Ablation}, the
 * complete plan, from a model, a target concept and an anchor. Its run returns an {@link
 * dev.ablation.AblationResult}. A plan may have several pairs of target and anchor ({@link
 * dev.ablation.anchor.TargetAnchor}) and a {@link dev.ablation.concept.Preservation} of other
 * concepts. An {@link dev.ablation.Estimate} gives its cost in advance.
 */
@NullMarked
package dev.ablation;

import org.jspecify.annotations.NullMarked;
