/**
 * The run of a plan: its check, its estimate, its anchors and batches, training, evaluation. Not
 * part of the public API, which is {@code Ablation}; types here are public only for that class and
 * may change at any time.
 */
@NullMarked
package dev.ablation.run;

import org.jspecify.annotations.NullMarked;
