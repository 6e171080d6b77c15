/**
 * How good the embedded model and its evaluator are, in numbers: {@link
 * dev.ablation.emoji.measure.MeasureEmoji} draws images of everything that the model knows, has the
 * evaluator judge them, and judges the evaluator by images of the data set.
 */
@NullMarked
package dev.ablation.emoji.measure;

import org.jspecify.annotations.NullMarked;
