package dev.ablation.evaluation;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.model.DiffusionModel;
import dev.ablation.sample.PassTime;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * What attacks take, at most: those that end when they succeed may take far less. A pass is one
 * latent through the denoising network at one timestep.
 *
 * @param forwardPasses passes without gradients; guidance doubles them
 * @param gradientPasses passes forward and backward
 * @param texts prompts through the text encoder, beside those of the images
 */
@CheckReturnValue
public record AttackCost(long forwardPasses, long gradientPasses, long texts) {
  /** A pass backward costs about as much as two forward. */
  private static final int WITH_GRADIENT = 3;

  /** Checks the ranges. */
  public AttackCost {
    Preconditions.checkArgument(
        forwardPasses >= 0, "forwardPasses must not be negative, was %s", forwardPasses);
    Preconditions.checkArgument(
        gradientPasses >= 0, "gradientPasses must not be negative, was %s", gradientPasses);
    Preconditions.checkArgument(texts >= 0, "texts must not be negative, was %s", texts);
  }

  /** {@return nothing} */
  public static AttackCost none() {
    return new AttackCost(0, 0, 0);
  }

  /**
   * Counts passes without gradients.
   *
   * @param passes not negative
   * @return them alone
   */
  public static AttackCost forward(long passes) {
    return new AttackCost(passes, 0, 0);
  }

  /**
   * Counts what attacks take together: each by itself, and once what several of them share.
   *
   * @param attacks any
   * @param model the base model
   * @param models how many models are attacked, the base model included: 2, or 3 with a control
   * @return at most that
   */
  public static AttackCost of(List<? extends Attack> attacks, DiffusionModel model, int models) {
    AttackCost sum = none();
    Map<Object, AttackCost> shared = new HashMap<>();
    for (Attack attack : attacks) {
      sum = sum.plus(attack.cost(model, models));
      shared.putAll(attack.sharedCosts(model));
    }
    return shared.values().stream().reduce(sum, AttackCost::plus);
  }

  /**
   * Adds another cost.
   *
   * @param other what is taken, too
   * @return the sum
   */
  public AttackCost plus(AttackCost other) {
    return new AttackCost(
        forwardPasses + other.forwardPasses,
        gradientPasses + other.gradientPasses,
        texts + other.texts);
  }

  /**
   * Multiplies the cost.
   *
   * @param times how often it is taken, not negative
   * @return the product
   */
  public AttackCost times(long times) {
    return new AttackCost(times * forwardPasses, times * gradientPasses, times * texts);
  }

  /** {@return passes as if all were without gradients: one with gradients counts as three} */
  public long passes() {
    return forwardPasses + WITH_GRADIENT * gradientPasses;
  }

  /**
   * Measures a few passes and extrapolates; images' decoding, judges and {@link #texts} are left
   * out.
   *
   * @param model the base model, which stays unchanged
   * @param batchSize latents in a pass that is measured, positive
   * @return the time of all passes, about
   */
  public Duration time(DiffusionModel model, int batchSize) {
    return PassTime.measure(model, batchSize).multipliedBy(passes());
  }

  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        "at most %,d forward passes, %,d with gradients, %,d searched texts",
        forwardPasses,
        gradientPasses,
        texts);
  }
}
