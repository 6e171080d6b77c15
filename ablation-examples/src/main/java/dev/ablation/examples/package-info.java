/**
 * One file for each task, each with a {@code main} that takes the folder to write to. They work on
 * the embedded model of emoji, on the CPU, in a few minutes; {@code -Dexample.steps=20
 * -Dexample.images=8} makes them quick. For a model of your own, open it with {@code
 * StableDiffusion.load(folder)} and leave out the settings that suit the small model.
 */
package dev.ablation.examples;
