/**
 * The forward process of a diffusion model: how much noise a sample carries at each time. A {@link
 * dev.ablation.schedule.NoiseSchedule} is the {@linkplain
 * dev.ablation.schedule.VariancePreservingSchedule discrete process} of Ho et al. (2020, arXiv
 * 2006.11239) or a {@linkplain dev.ablation.schedule.RectifiedFlow rectified flow}; a {@link
 * dev.ablation.schedule.TimestepSampling} draws training times from it, and a {@link
 * dev.ablation.schedule.PredictionType} defines what the network was trained to predict from a
 * noised sample.
 */
@NullMarked
package dev.ablation.schedule;

import org.jspecify.annotations.NullMarked;
