/**
 * What tests of ablations need. {@link dev.ablation.testing.TinyDiffusion} is a complete
 * {@linkplain dev.ablation.model.DiffusionModel diffusion model} of a few hundred weights, written
 * from the interface alone: a model to test objectives and trainers on, and an example for
 * adapters.
 */
@NullMarked
package dev.ablation.testing;

import org.jspecify.annotations.NullMarked;
