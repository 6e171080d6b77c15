/**
 * Evaluations: show what an ablation did by comparing images of the base model and the ablated
 * model from the same prompts and seeds.
 *
 * <ul>
 *   <li>Start here: an {@link dev.ablation.evaluation.Evaluation} runs on its own or at the end of
 *       an ablation and returns an {@link dev.ablation.evaluation.EvaluationResult}.
 *   <li>Settings: {@link dev.ablation.evaluation.Protocol}; {@link
 *       dev.ablation.evaluation.PublishedEvaluation} reads the paper's files.
 *   <li>Results: a {@link dev.ablation.evaluation.SubjectResult} for each {@link
 *       dev.ablation.evaluation.Subject} (target, anchor, neighbour or unrelated prompts, see
 *       {@link dev.ablation.evaluation.Role}) with a {@link dev.ablation.evaluation.Comparison} for
 *       each metric, and an {@link dev.ablation.evaluation.AttackResult} for each attack.
 *   <li>Early stopping: {@link dev.ablation.evaluation.ErasureEarlyStopping} ends training when the
 *       target is gone.
 *   <li>Extension points: {@link dev.ablation.evaluation.SubjectMetric} (the metrics themselves are
 *       in {@link dev.ablation.metric}), {@link dev.ablation.evaluation.ConceptDetector} and {@link
 *       dev.ablation.evaluation.Attack}.
 * </ul>
 */
@NullMarked
package dev.ablation.evaluation;

import org.jspecify.annotations.NullMarked;
