/**
 * CLIP, the text side of Stable Diffusion. A prompt, be it a target prompt with the concept or an
 * anchor prompt without it, becomes token ids through {@link dev.ablation.djl.clip.ClipTokenizer}.
 * The token ids decide which rows of the token embedding an ablation trains and which text position
 * stands for a concept in a closed-form edit.
 */
@NullMarked
package dev.ablation.djl.clip;

import org.jspecify.annotations.NullMarked;
