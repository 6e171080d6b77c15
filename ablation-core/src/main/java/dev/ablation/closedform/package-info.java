/**
 * Closed-form edits of concepts: linear algebra on text embeddings in place of training.
 *
 * <p>A weight W of shape {@code (rows, D)} multiplies text embeddings of width D, as the keys and
 * values of cross-attention do. An edit finds W' such that the embeddings c of a target are
 * answered as those g of its anchor, W' c = W g, while preserved embeddings p keep their answer:
 *
 * <pre>
 *   W' = argmin s_e Σ |W' c - W g|² + s_p Σ |W' p - W p|² + λ |W' - W|²
 *      = W F,   F = (λ I + s_e Σ g cᵀ + s_p Σ p pᵀ) (λ I + s_e Σ c cᵀ + s_p Σ p pᵀ)⁻¹      (1)
 * </pre>
 *
 * <p>F does not depend on W, so that one factorisation serves every key and value of a network, and
 * so does one stored factor: {@link dev.ablation.closedform.SharedFactor}. An edit without such a
 * factor is a {@link dev.ablation.closedform.PerMatrixEdit}.
 *
 * <ol>
 *   <li>{@link dev.ablation.closedform.PromptEmbeddings} encodes the prompts and adds them to
 *       {@link dev.ablation.closedform.EmbeddingSums}, whose size does not depend on their number.
 *   <li>{@link dev.ablation.closedform.Uce}, {@link dev.ablation.closedform.Rece}, {@link
 *       dev.ablation.closedform.OrthogonalErasure} or {@link
 *       dev.ablation.closedform.SequenceLeastSquares} makes the {@link
 *       dev.ablation.closedform.WeightEdit}.
 *   <li>{@link dev.ablation.closedform.WeightEdit#apply} returns the edited weights.
 * </ol>
 *
 * <p>All algebra is in double precision, on the engine of the given arrays where it multiplies and
 * in Java where it factorises.
 */
@NullMarked
package dev.ablation.closedform;

import org.jspecify.annotations.NullMarked;
