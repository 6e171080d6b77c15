package dev.ablation.run;

import dev.ablation.anchor.AnchorCost;
import dev.ablation.anchor.AnchorJudgement;
import dev.ablation.train.StepCost;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What was counted and measured for an estimate of a plan.
 *
 * @param problems what makes the plan impossible
 * @param warnings what may be better in another way
 * @param tensors how many arrays are trained
 * @param numbers how many numbers in them
 * @param anchors what the anchors take
 * @param evaluationImages how many images the plan's evaluation draws
 * @param training what training takes
 */
public record PlanCost(
    List<String> problems,
    List<String> warnings,
    int tensors,
    long numbers,
    Anchors anchors,
    long evaluationImages,
    Training training) {

  /**
   * What the anchors take.
   *
   * @param images how many there are
   * @param work evaluations to draw them
   * @param judgements by target
   */
  public record Anchors(long images, AnchorCost work, Map<String, AnchorJudgement> judgements) {}

  /**
   * What training takes.
   *
   * @param steps how many; 0 if the trainer makes none
   * @param stateBytes computed
   * @param probe measured; empty if it could not be
   */
  public record Training(int steps, long stateBytes, Optional<StepCost> probe) {}
}
