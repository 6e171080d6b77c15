/**
 * The autoencoder between images and latents (Rombach et al. 2022, arXiv 2112.10752, section 3.1).
 * Read it from {@link dev.ablation.djl.vae.AutoencoderKL} downwards.
 */
@NullMarked
package dev.ablation.djl.vae;

import org.jspecify.annotations.NullMarked;
