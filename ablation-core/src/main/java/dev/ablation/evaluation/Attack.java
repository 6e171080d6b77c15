package dev.ablation.evaluation;

import dev.ablation.delta.WeightDelta;
import dev.ablation.model.DiffusionModel;
import java.util.Map;
import java.util.function.BooleanSupplier;

/**
 * An attempt to bring the target back from an ablated model, such as a paraphrased prompt, an
 * adversarial embedding or a path around the text encoder. The same attack on the base model gives
 * the rate to compare with.
 */
public interface Attack {

  /** {@return a short name, such as {@code "misspelled"}} */
  String name();

  /**
   * Checks that the attack can run. Called before any long computation.
   *
   * @param model the base model
   * @throws IllegalArgumentException if a setting does not fit the model
   * @throws dev.ablation.error.UnsupportedCapabilityException if the model lacks a capability
   */
  default void check(DiffusionModel model) {}

  /**
   * Counts what the attack takes by itself. {@link AttackCost#of} counts several attacks, with what
   * they share.
   *
   * @param model the base model
   * @param models how many models are attacked, the base model included: 2, or 3 with a control
   * @return at most that, without {@link #sharedCosts}; nothing if the attack cannot tell
   */
  default AttackCost cost(DiffusionModel model, int models) {
    return AttackCost.none();
  }

  /**
   * Counts what is done once for several attacks, by the first of them that runs, such as drawing
   * the images that all of them start from.
   *
   * @param model the base model
   * @return what each shared work takes; attacks with an equal key share it
   */
  default Map<Object, AttackCost> sharedCosts(DiffusionModel model) {
    return Map.of();
  }

  /**
   * Runs the attack on every model. It leaves them unchanged.
   *
   * @param models base, ablated and, if there is one, control
   * @param cancelled returns whether to stop; called between batches
   * @return the result, with a share for each of the models
   */
  AttackResult run(AttackModels models, BooleanSupplier cancelled);

  /**
   * Runs the attack without a control.
   *
   * @param model the base model, without a delta
   * @param delta the ablation's delta
   * @param cancelled returns whether to stop; called between batches
   * @return the result
   */
  default AttackResult run(DiffusionModel model, WeightDelta delta, BooleanSupplier cancelled) {
    return run(AttackModels.of(model, delta), cancelled);
  }
}
