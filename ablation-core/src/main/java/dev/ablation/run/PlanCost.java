package dev.ablation.run;

import dev.ablation.anchor.AnchorCost;
import dev.ablation.anchor.AnchorJudgement;
import dev.ablation.evaluation.AttackCost;
import dev.ablation.memory.PeakMemory;
import dev.ablation.train.StepCost;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Counts and measurements for the estimate of a plan.
 *
 * @param problems problems that prevent a run
 * @param warnings warnings that do not prevent a run
 * @param tensors number of trained arrays
 * @param numbers number of values in them
 * @param anchors cost of the anchors
 * @param evaluation cost of the plan's evaluation
 * @param training cost of training
 */
public record PlanCost(
    List<String> problems,
    List<String> warnings,
    int tensors,
    long numbers,
    Anchors anchors,
    Evaluation evaluation,
    Training training) {

  /**
   * The cost of the anchors.
   *
   * @param images how many there are
   * @param work forward passes to draw them
   * @param judgements by target
   */
  public record Anchors(long images, AnchorCost work, Map<String, AnchorJudgement> judgements) {}

  /**
   * The cost of the evaluation.
   *
   * @param images how many it draws, before and after together, without those of attacks
   * @param attacks what its attacks take, at most
   * @param attackTime the time of their passes; empty if there are none, or problems
   */
  public record Evaluation(long images, AttackCost attacks, Optional<Duration> attackTime) {}

  /**
   * The cost of training.
   *
   * @param steps how many; 0 if the trainer makes none
   * @param stateBytes computed
   * @param probe measured; empty if it could not be
   * @param peak of the whole run; empty if it could not be measured
   */
  public record Training(
      int steps, long stateBytes, Optional<StepCost> probe, Optional<PeakMemory> peak) {}
}
