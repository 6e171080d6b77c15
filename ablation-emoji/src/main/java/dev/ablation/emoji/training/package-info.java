/**
 * How the embedded model was trained, from nothing but the images of {@link
 * dev.ablation.emoji.dataset}: an autoencoder makes images small, a text encoder learns the words,
 * a UNet learns to remove noise from small images under a caption. {@link
 * dev.ablation.emoji.training.TrainEmoji} does all of it and continues where it was stopped; {@link
 * dev.ablation.emoji.training.StageRun} is the loop that the three have in common.
 */
@NullMarked
package dev.ablation.emoji.training;

import org.jspecify.annotations.NullMarked;
