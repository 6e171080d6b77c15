/**
 * The pictures that the embedded model of emoji learns from and is judged by. An {@link
 * dev.ablation.examples.dataset.EmojiDataSet} holds one picture of every thing (<i>instance</i>) in
 * every emoji set (<i>style</i>), and one planted picture to be memorised; {@link
 * dev.ablation.examples.dataset.Captions} gives them words; {@link
 * dev.ablation.examples.dataset.NearestPicture} tells what a drawn picture shows; {@link
 * dev.ablation.examples.dataset.LookAlikes} which pictures cannot be told apart.
 */
@NullMarked
package dev.ablation.examples.dataset;

import org.jspecify.annotations.NullMarked;
