package dev.ablation.attack;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.objective.TimestepWeighting;
import dev.ablation.schedule.TimestepSampling;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/**
 * How an attack learns the embeddings of words.
 *
 * <p>By default it learns at the four fifths of the times with the most noise, and each time's
 * error counts in inverse proportion to its signal-to-noise ratio. That is where the text decides
 * what an image shows; at the other times the image itself tells, and their errors are noise to the
 * learned word.
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
    Preconditions.checkArgument(
        learningRate > 0 && Double.isFinite(learningRate),
        "learningRate must be positive, was %s",
        learningRate);
    Objects.requireNonNull(timesteps, "timesteps");
    Objects.requireNonNull(weighting, "weighting");
  }

  /**
   * Learns at the noisy times, weighted by their noise.
   *
   * @param steps at most, from each start; positive
   * @param batchSize images in a step, positive
   * @param learningRate of Adam, positive
   */
  public InversionBudget(int steps, int batchSize, double learningRate) {
    this(
        steps,
        batchSize,
        learningRate,
        TimestepSampling.uniform(0.2, 1),
        TimestepWeighting.inverseSnr(0.1));
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
