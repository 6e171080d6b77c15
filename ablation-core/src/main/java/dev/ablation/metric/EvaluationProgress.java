package dev.ablation.metric;

/**
 * Progress of a computation over many images.
 *
 * @param task name of the computation, such as {@code "features of clip"}
 * @param done number of finished items
 * @param total total number of items
 */
public record EvaluationProgress(String task, int done, int total) {

  /** {@return the finished share, 0..1} */
  public double fraction() {
    return done / (double) total;
  }
}
