/**
 * The denoising network of Stable Diffusion: a UNet with attention over the text (Rombach et al.
 * 2022, arXiv 2112.10752, section 3.3). Read it from {@link
 * dev.ablation.djl.unet.UNet2DConditionModel} downwards; every class is a module of the published
 * module tree, with its names.
 */
@NullMarked
package dev.ablation.djl.unet;

import org.jspecify.annotations.NullMarked;
