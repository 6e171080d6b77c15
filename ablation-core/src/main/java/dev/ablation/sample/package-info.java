/**
 * Drawing samples from a diffusion model. A {@link dev.ablation.sample.Sampler} is a numerical
 * method for the reverse process, such as DDIM or DPM-Solver++, and the settings of it; started on
 * a noise schedule it gives a {@link dev.ablation.sample.SamplerRun}, which makes the steps of one
 * generation. A {@link dev.ablation.sample.LatentSampler} runs the loop over a model with {@link
 * dev.ablation.sample.Guidance}, taking its {@link dev.ablation.sample.SamplingSettings} and a
 * {@link dev.ablation.sample.NoiseSource}, and returns latents; {@link dev.ablation.sample.Images}
 * turns what a codec decodes into images.
 */
@NullMarked
package dev.ablation.sample;

import org.jspecify.annotations.NullMarked;
