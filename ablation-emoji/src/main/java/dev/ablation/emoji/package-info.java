/**
 * A small text-to-image model to try ablations on, and what judges its images. {@link
 * dev.ablation.emoji.EmbeddedModel} is a model of emoji that comes with this module: an emoji set
 * is a <i>style</i>, the object shown an <i>instance</i>, one planted image a <i>memorised
 * image</i>. {@link dev.ablation.emoji.EmbeddedEvaluator} recognizes which of them an image shows.
 * {@link dev.ablation.emoji.EmojiAblation} removes them with settings that suit the model, and
 * evaluates what that did.
 */
@NullMarked
package dev.ablation.emoji;

import org.jspecify.annotations.NullMarked;
