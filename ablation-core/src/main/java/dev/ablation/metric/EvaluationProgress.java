package dev.ablation.metric;

/**
 * Where a computation over many images stands.
 *
 * @param task what is computed, such as {@code "features of clip"}
 * @param done how many are done
 * @param total how many there are
 */
public record EvaluationProgress(String task, int done, int total) {

  /** {@return the share that is done, 0..1} */
  public double fraction() {
    return done / (double) total;
  }
}
