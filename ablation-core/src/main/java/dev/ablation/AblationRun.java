package dev.ablation;

import java.util.concurrent.CompletionStage;

/**
 * A run in progress. Thread-safe.
 *
 * {@snippet class="dev.ablation.Snippets" region="cancel"}
 */
public interface AblationRun {

  /**
   * {@return the outcome: completes with the result, or exceptionally as {@link Ablation#run()}
   * would throw}
   */
  CompletionStage<AblationResult> result();

  /**
   * Asks the run to stop after its current step; the result then fails with a cancellation. A run
   * with checkpoints leaves one; while it draws anchor images it leaves those that are drawn.
   */
  void cancel();
}
