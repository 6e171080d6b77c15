/**
 * How good the embedded model and its evaluator are, in numbers: {@link
 * dev.ablation.examples.measure.MeasureEmoji} draws images of everything that the model knows, has
 * the evaluator judge them, and judges the evaluator by images of the data set.
 */
@NullMarked
package dev.ablation.examples.measure;

import org.jspecify.annotations.NullMarked;
