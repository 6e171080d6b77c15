/**
 * The Stable Diffusion family on DJL and PyTorch. Begin at {@link
 * dev.ablation.djl.StableDiffusion#load(java.nio.file.Path)}, which opens a published checkpoint as
 * a {@link dev.ablation.model.DiffusionModel}.
 */
@NullMarked
package dev.ablation.djl;

import org.jspecify.annotations.NullMarked;
