/**
 * The way in: {@link dev.ablation.Ablator} leads from a model, a target concept and an anchor to an
 * {@link dev.ablation.Ablation}, the complete plan, whose run returns an {@link
 * dev.ablation.AblationResult}.
 */
@NullMarked
package dev.ablation;

import org.jspecify.annotations.NullMarked;
