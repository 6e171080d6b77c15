/**
 * CLIP (Radford et al. 2021, arXiv 2103.00020): the tokenizer and the text model that condition the
 * denoising network.
 */
@NullMarked
package dev.ablation.djl.clip;

import org.jspecify.annotations.NullMarked;
