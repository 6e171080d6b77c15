/**
 * Training. A {@link dev.ablation.train.Trainer} turns the pairs of targets and anchors into
 * changes of weights, and states in its {@link dev.ablation.train.TrainerRequirements} what it
 * requires in addition to their prompts; {@link dev.ablation.train.GradientTrainer} is the paper's
 * method, which requires anchor images, an objective and gradients. {@link
 * dev.ablation.train.Preset} holds the published settings, a {@link
 * dev.ablation.train.LearningRateSchedule} changes the learning rate over a run, a {@link
 * dev.ablation.train.TrainingMonitor} measures the model under training and may stop it, and a
 * {@link dev.ablation.train.TrainingState} is the content of a checkpoint.
 */
@NullMarked
package dev.ablation.train;

import org.jspecify.annotations.NullMarked;
