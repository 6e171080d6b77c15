/**
 * Attempts to bring a removed concept back: other words ({@link
 * dev.ablation.attack.WordingAttempt}), the concept's direction in the text states ({@link
 * dev.ablation.attack.EmbeddingAttempt}), a learned token ({@link
 * dev.ablation.attack.TextualInversion}), and ways round the text: a picture to begin with ({@link
 * dev.ablation.attack.PictureProbe}), more noise ({@link dev.ablation.attack.NoiseProbe}), an
 * evaluator's gradient ({@link dev.ablation.attack.GuidanceProbe}). Each makes the same attempt on
 * the base model and says how often the concept is seen in both.
 */
@NullMarked
package dev.ablation.attack;

import org.jspecify.annotations.NullMarked;
