package dev.ablation;

import java.util.concurrent.CompletionStage;

/**
 * A run in progress. Thread-safe.
 *
 * {@snippet class="dev.ablation.Snippets" region="cancel"}
 */
public interface AblationRun {

  /**
   * {@return a future that completes with the result, or exceptionally with what {@link
   * Ablation#run()} would throw}
   */
  CompletionStage<AblationResult> result();

  /**
   * Asks the run to stop after its current step; the result then fails with a cancellation. A run
   * with checkpoints saves one first; while drawing anchor images, it saves those drawn so far.
   */
  void cancel();
}
