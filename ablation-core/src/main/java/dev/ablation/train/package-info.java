/**
 * How the change of the weights is found. A {@link dev.ablation.train.Trainer} turns anchor images
 * and an objective into a delta; {@link dev.ablation.train.GradientTrainer} is the paper's way, and
 * its settings are its fields. {@link dev.ablation.train.Preset} holds the published numbers, a
 * {@link dev.ablation.train.LearningRateSchedule} changes the learning rate over a run, a {@link
 * dev.ablation.train.TrainingMonitor} measures the model under training and may stop it, and a
 * {@link dev.ablation.train.TrainingState} is what a checkpoint keeps.
 */
@NullMarked
package dev.ablation.train;

import org.jspecify.annotations.NullMarked;
