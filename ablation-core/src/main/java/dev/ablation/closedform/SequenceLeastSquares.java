package dev.ablation.closedform;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;

/**
 * Least squares on whole sequences: the embeddings at every position of a target's prompts are
 * mapped to those of the anchor's prompts, and those of many other prompts are kept. With N rows of
 * targets and M rows of preserved prompts
 *
 * <pre>
 *   F = argmin 1/N Σ |F c - g|² + w/M Σ |F p - p|² + ρ |F - I|²
 * </pre>
 *
 * <p>which is equation (1) of the package with the scales 1/N and w/M. Where {@link Uce} maps one
 * embedding a concept, this maps all that the network sees, and needs many prompts: some hundreds
 * of each kind.
 *
 * {@snippet class="dev.ablation.closedform.ClosedFormSnippets" region="sequences"}
 *
 * <p>Immutable; every method that changes a setting returns a changed copy.
 *
 * @see PromptEmbeddings#sequences the embeddings that the method takes
 */
@CheckReturnValue
public final class SequenceLeastSquares {
  private final double preserveWeight;
  private final double ridge;

  private SequenceLeastSquares(double preserveWeight, double ridge) {
    this.preserveWeight = preserveWeight;
    this.ridge = ridge;
  }

  /** {@return preserved prompts weigh as much as targets, ridge 1e-4} */
  public static SequenceLeastSquares defaults() {
    return new SequenceLeastSquares(1, 1e-4);
  }

  /**
   * Changes how much preserved prompts weigh against targets, whatever the number of either.
   *
   * @param weight w, not negative
   * @return a changed copy
   */
  public SequenceLeastSquares preserveWeight(double weight) {
    Preconditions.checkArgument(
        weight >= 0 && Double.isFinite(weight),
        "preserve weight must not be negative, was %s",
        weight);
    return new SequenceLeastSquares(weight, ridge);
  }

  /**
   * Changes how much every change of the factor costs.
   *
   * @param ridge ρ, positive, in squared units of an embedding's entries
   * @return a changed copy
   */
  public SequenceLeastSquares ridge(double ridge) {
    Preconditions.checkArgument(
        ridge > 0 && Double.isFinite(ridge), "ridge must be positive, was %s", ridge);
    return new SequenceLeastSquares(preserveWeight, ridge);
  }

  /** {@return w, how much preserved prompts weigh against targets} */
  public double preserveWeight() {
    return preserveWeight;
  }

  /** {@return ρ, how much every change of the factor costs} */
  public double ridge() {
    return ridge;
  }

  /**
   * Solves.
   *
   * @param sums of targets and of preserved prompts
   * @return the edit
   * @throws IllegalArgumentException if there is no target, concepts contradict each other or the
   *     system is ill-conditioned
   */
  public SharedFactor edit(EmbeddingSums sums) {
    sums.check();
    long kept = sums.preservedRows();
    return Uce.defaults()
        .eraseScale(1.0 / sums.targetRows())
        .preserveScale(kept == 0 ? 0 : preserveWeight / kept)
        .ridge(ridge)
        .replace(sums);
  }

  @Override
  public String toString() {
    return "least squares on sequences (preserve weight %s, ridge %s)"
        .formatted(preserveWeight, ridge);
  }
}
