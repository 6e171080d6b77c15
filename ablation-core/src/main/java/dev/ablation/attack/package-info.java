/**
 * Attacks, which try to recover a removed concept: other words ({@link
 * dev.ablation.attack.WordingAttack}), the concept's direction in the text embeddings ({@link
 * dev.ablation.attack.EmbeddingAttack}), a learned token ({@link
 * dev.ablation.attack.TextualInversion}), and attacks that bypass the text: an initial image
 * ({@link dev.ablation.attack.SdEditAttack}), more noise ({@link dev.ablation.attack.NoiseAttack}),
 * an evaluator's gradient ({@link dev.ablation.attack.GuidanceAttack}), a trajectory that the base
 * model began ({@link dev.ablation.attack.CompletionAttack}), fine-tuning ({@link
 * dev.ablation.attack.RelearningAttack}). Each attacks the base model too, and a control that never
 * knew the concept if there is one, and reports how often each shows the concept.
 */
@NullMarked
package dev.ablation.attack;

import org.jspecify.annotations.NullMarked;
