/**
 * How good the embedded model and its evaluator are, in numbers: {@link
 * dev.ablation.examples.measure.MeasureEmoji} draws pictures of everything that the model knows,
 * has the evaluator judge them, and judges the evaluator by pictures of the data set.
 */
@NullMarked
package dev.ablation.examples.measure;

import org.jspecify.annotations.NullMarked;
