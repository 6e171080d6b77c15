/**
 * The networks of FLUX.1: a transformer that predicts velocities, first with separate streams for
 * text and image, then with one for both (Black Forest Labs 2024, FLUX.1; Esser et al. 2024, arXiv
 * 2403.03206). Read it from {@link dev.ablation.djl.flux.FluxTransformer2DModel} downwards; every
 * class is a module of the published module tree, with its names.
 */
@NullMarked
package dev.ablation.djl.flux;

import org.jspecify.annotations.NullMarked;
