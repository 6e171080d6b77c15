/**
 * The images that the embedded model of emoji learns from and is judged by. An {@link
 * dev.ablation.emoji.dataset.EmojiDataSet} holds one image of every object (<i>instance</i>) in
 * every emoji set (<i>style</i>), and one planted image to be memorised; {@link
 * dev.ablation.emoji.dataset.Captions} gives them words; {@link
 * dev.ablation.emoji.dataset.NearestImage} recognizes what a drawn image shows; {@link
 * dev.ablation.emoji.dataset.LookAlikes} finds images that cannot be distinguished.
 */
@NullMarked
package dev.ablation.emoji.dataset;

import org.jspecify.annotations.NullMarked;
