/**
 * How the embedded model was trained, from nothing but the images of {@link
 * dev.ablation.examples.dataset}: an autoencoder makes images small, a text encoder learns the
 * words, a UNet learns to remove noise from small images under a caption. {@link
 * dev.ablation.examples.training.TrainEmoji} does all of it and goes on where it was stopped;
 * {@link dev.ablation.examples.training.StageRun} is the loop that the three have in common.
 */
@NullMarked
package dev.ablation.examples.training;

import org.jspecify.annotations.NullMarked;
