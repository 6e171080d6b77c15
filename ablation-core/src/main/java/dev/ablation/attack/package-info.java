/**
 * Attempts to bring a removed concept back: other words ({@link
 * dev.ablation.attack.WordingAttack}), the concept's direction in the text embeddings ({@link
 * dev.ablation.attack.EmbeddingAttack}), a learned token ({@link
 * dev.ablation.attack.TextualInversion}), and ways round the text: an image to begin with ({@link
 * dev.ablation.attack.SdEditAttack}), more noise ({@link dev.ablation.attack.NoiseAttack}), an
 * evaluator's gradient ({@link dev.ablation.attack.GuidanceAttack}). Each makes the same attempt on
 * the base model and says how often the concept is seen in both.
 */
@NullMarked
package dev.ablation.attack;

import org.jspecify.annotations.NullMarked;
