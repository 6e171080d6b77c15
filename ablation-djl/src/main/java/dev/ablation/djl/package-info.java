/**
 * Stable Diffusion and FLUX.1 on DJL and PyTorch. Begin at {@link
 * dev.ablation.djl.DiffusionPipeline#load(java.nio.file.Path)}, which opens a published checkpoint
 * as a {@link dev.ablation.model.DiffusionModel}, or at the {@code load} of one model's class, such
 * as {@link dev.ablation.djl.StableDiffusion#load(java.nio.file.Path)}.
 */
@NullMarked
package dev.ablation.djl;

import org.jspecify.annotations.NullMarked;
