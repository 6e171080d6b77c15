/**
 * The networks of Stable Diffusion 3 and 3.5: a transformer with joint attention over text and
 * image that predicts velocities (Esser et al. 2024, arXiv 2403.03206). Read it from {@link
 * dev.ablation.djl.sd3.SD3Transformer2DModel} downwards; every class is a module of the published
 * module tree, with its names.
 */
@NullMarked
package dev.ablation.djl.sd3;

import org.jspecify.annotations.NullMarked;
