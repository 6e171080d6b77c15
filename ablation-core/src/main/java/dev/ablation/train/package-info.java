/**
 * How the change of the weights is found. A {@link dev.ablation.train.Trainer} turns the pairs of
 * targets and anchors into changes of weights, and says by its {@link
 * dev.ablation.train.TrainerRequirements} what it takes beside their prompts; {@link
 * dev.ablation.train.GradientTrainer} is the paper's way, which takes anchor images, an objective
 * and gradients. {@link dev.ablation.train.Preset} holds the published numbers, a {@link
 * dev.ablation.train.LearningRateSchedule} changes the learning rate over a run, a {@link
 * dev.ablation.train.TrainingMonitor} measures the model under training and may stop it, and a
 * {@link dev.ablation.train.TrainingState} is what a checkpoint keeps.
 */
@NullMarked
package dev.ablation.train;

import org.jspecify.annotations.NullMarked;
