package dev.ablation.evaluation;

import dev.ablation.delta.WeightDelta;
import dev.ablation.model.DiffusionModel;
import java.util.function.BooleanSupplier;

/**
 * An attempt to bring the target back from an ablated model: other words, an attack, a way round
 * the text. The same attempt on the base model says what it finds where nothing was removed.
 */
public interface Attack {

  /** {@return a short name, such as {@code "misspelled"}} */
  String name();

  /**
   * Checks that the attempt can be made. Called before any long work.
   *
   * @param model the base model
   * @throws IllegalArgumentException if a setting does not fit the model
   * @throws dev.ablation.error.UnsupportedCapabilityException if the model lacks something
   */
  default void check(DiffusionModel model) {}

  /**
   * Makes the attempt. Afterwards the model is as it was.
   *
   * @param model the base model, nothing applied
   * @param delta what the ablation changed
   * @param cancelled asked between batches
   * @return how far it got
   */
  AttackResult run(DiffusionModel model, WeightDelta delta, BooleanSupplier cancelled);
}
