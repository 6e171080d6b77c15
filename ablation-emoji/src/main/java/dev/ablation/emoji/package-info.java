/**
 * Examples that run on a laptop, and the command line. {@link dev.ablation.emoji.EmbeddedModel} is
 * a small model of emoji that comes with this module: an emoji set is a <i>style</i>, the thing
 * shown an <i>instance</i>, one planted image a <i>memorised image</i>. {@link
 * dev.ablation.emoji.EmbeddedEvaluator} tells which of them an image shows. {@link
 * dev.ablation.emoji.Ablate} removes one of them from it, or from a checkpoint of your own, and
 * shows the same images before and after.
 */
@NullMarked
package dev.ablation.emoji;

import org.jspecify.annotations.NullMarked;
