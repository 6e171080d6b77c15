/**
 * Proving what an ablation did: an evaluation draws images of the target, the anchor, neighbours
 * and unrelated prompts with the base model and with the ablated one, from the same seeds, and
 * measures them by the metrics of {@link dev.ablation.metric}. Attacks try to bring the target
 * back. All of it ends in an {@link dev.ablation.evaluation.EvaluationResult}.
 */
@NullMarked
package dev.ablation.evaluation;

import org.jspecify.annotations.NullMarked;
