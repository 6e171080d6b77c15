/**
 * CLIP (Radford et al. 2021, arXiv 2103.00020): the {@linkplain dev.ablation.djl.clip.ClipTokenizer
 * tokenizer} that turns a prompt into token ids, and the {@linkplain
 * dev.ablation.djl.clip.ClipTextModel text model} that turns the ids into the text embeddings that
 * condition the denoising network. {@link dev.ablation.djl.clip.Clip} is the complete model, with
 * the {@linkplain dev.ablation.djl.clip.ClipVisionModel vision model} for images: CLIP score and
 * CLIP accuracy of the paper are cosines of its embeddings.
 */
@NullMarked
package dev.ablation.djl.clip;

import org.jspecify.annotations.NullMarked;
