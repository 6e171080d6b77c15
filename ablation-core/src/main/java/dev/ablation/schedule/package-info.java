/**
 * The forward process of a diffusion model: how much noise a sample carries at each timestep. A
 * {@link dev.ablation.schedule.NoiseSchedule} holds the betas of Ho et al. (2020, arXiv 2006.11239)
 * and what follows from them; a {@link dev.ablation.schedule.PredictionType} says what the network
 * was trained to predict from a noised sample.
 */
@NullMarked
package dev.ablation.schedule;

import org.jspecify.annotations.NullMarked;
