/**
 * Attacks, which try to recover a removed concept: other words ({@link
 * dev.ablation.attack.WordingAttack}), the concept's direction in the text embeddings ({@link
 * dev.ablation.attack.EmbeddingAttack}), a learned token ({@link
 * dev.ablation.attack.TextualInversion}), and attacks that bypass the text: an initial image
 * ({@link dev.ablation.attack.SdEditAttack}), more noise ({@link dev.ablation.attack.NoiseAttack}),
 * an evaluator's gradient ({@link dev.ablation.attack.GuidanceAttack}). Each also attacks the base
 * model and reports how often both show the concept.
 */
@NullMarked
package dev.ablation.attack;

import org.jspecify.annotations.NullMarked;
