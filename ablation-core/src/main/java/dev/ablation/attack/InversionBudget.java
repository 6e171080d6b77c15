package dev.ablation.attack;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.evaluation.AttackCost;
import dev.ablation.objective.TimestepWeighting;
import dev.ablation.schedule.TimestepSampling;
import dev.ablation.train.InversionStep;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * How an attack learns the embeddings of words, by default at the times of {@link
 * InversionStep#of}.
 *
 * @param steps at most, from each start; positive
 * @param batchSize images in a step, positive
 * @param learningRate of Adam, positive
 * @param timesteps where noise levels are drawn from
 * @param weighting of the errors
 */
@CheckReturnValue
public record InversionBudget(
    int steps,
    int batchSize,
    double learningRate,
    TimestepSampling timesteps,
    TimestepWeighting weighting) {
  private static final int FIRST_CHECK = 100;

  /** Checks the ranges. */
  public InversionBudget {
    Preconditions.checkArgument(steps > 0, "steps must be positive, was %s", steps);
    Preconditions.checkArgument(batchSize > 0, "batchSize must be positive, was %s", batchSize);
    InversionStep unused = new InversionStep(learningRate, timesteps, weighting); // checks them
  }

  /**
   * Learns at the noisy times, weighted by their noise.
   *
   * @param steps at most, from each start; positive
   * @param batchSize images in a step, positive
   * @param learningRate of Adam, positive
   */
  public InversionBudget(int steps, int batchSize, double learningRate) {
    this(steps, batchSize, InversionStep.of(learningRate));
  }

  private InversionBudget(int steps, int batchSize, InversionStep step) {
    this(steps, batchSize, step.learningRate(), step.timesteps(), step.weighting());
  }

  InversionStep step() {
    return new InversionStep(learningRate, timesteps, weighting);
  }

  /**
   * {@return 3,000 steps of 4 images at 5e-3, as against erased concepts (Pham et al. 2024, arXiv
   * 2308.01508; Srivatsan et al. 2025, arXiv 2408.16807)}
   */
  public static InversionBudget published() {
    return new InversionBudget(3000, 4, 5e-3);
  }

  /** {@return 300 steps of 8 images at 2e-2: a probe, enough for a small model} */
  public static InversionBudget quick() {
    return new InversionBudget(300, 8, 2e-2);
  }

  /**
   * Changes the number of steps.
   *
   * @param most at most, from each start; positive
   * @return a copy with the given steps
   */
  public InversionBudget steps(int most) {
    return new InversionBudget(most, batchSize, learningRate, timesteps, weighting);
  }

  /** When the learned words are tried first; then after twice the steps, and so on. */
  int firstCheck() {
    return Math.min(FIRST_CHECK, steps);
  }

  /** What one start takes, with the drawings of all tries. */
  AttackCost cost(AttackCost drawing) {
    int tries = 1;
    for (int check = firstCheck(); check < steps; check = Math.min(2 * check, steps)) {
      tries++;
    }
    return drawing.times(tries).plus(new AttackCost(0, (long) steps * batchSize, 0));
  }

  Map<String, String> settings() {
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("training steps", Integer.toString(steps));
    settings.put("training batch size", Integer.toString(batchSize));
    settings.put("learning rate", Double.toString(learningRate));
    settings.put("timesteps", timesteps.name());
    settings.put("weighting", weighting.name());
    return settings;
  }
}
