package dev.ablation.run;

import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.delta.WeightDelta;
import dev.ablation.evaluation.EvaluationResult;
import dev.ablation.report.Report;
import java.util.Optional;

/**
 * The result of a run.
 *
 * @param delta the change of the weights, closed by the owner of the outcome
 * @param training how the change was trained
 * @param evaluation of the delta; empty if there is none
 */
@CheckReturnValue
public record RunOutcome(
    WeightDelta delta, Report.Training training, Optional<EvaluationResult> evaluation) {

  /**
   * Changes the evaluation.
   *
   * @param found replaces {@link #evaluation()}
   * @return a copy with the given evaluation and the same delta
   */
  public RunOutcome evaluation(EvaluationResult found) {
    return new RunOutcome(delta, training, Optional.of(found));
  }
}
