package dev.ablation.run;

import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.delta.WeightDelta;
import dev.ablation.evaluation.EvaluationResult;
import dev.ablation.report.Report;
import java.util.Optional;

/**
 * What a run found.
 *
 * @param delta the change of the weights, closed by the owner of the outcome
 * @param training how it was found
 * @param evaluation of the delta; empty if there is none
 */
@CheckReturnValue
public record RunOutcome(
    WeightDelta delta, Report.Training training, Optional<EvaluationResult> evaluation) {

  /**
   * Changes the evaluation.
   *
   * @param found takes the place of {@link #evaluation()}
   * @return a changed copy with the same delta
   */
  public RunOutcome evaluation(EvaluationResult found) {
    return new RunOutcome(delta, training, Optional.of(found));
  }
}
