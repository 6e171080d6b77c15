package dev.ablation.attack;

import dev.ablation.evaluation.Attack;
import dev.ablation.evaluation.AttackCost;
import dev.ablation.model.DiffusionModel;
import java.util.Map;

/** An attack around another one, with its name, needs and costs where it does not say otherwise. */
interface ForwardingAttack extends Attack {
  /** {@return the other one} */
  Attack attack();

  @Override
  default String name() {
    return attack().name();
  }

  @Override
  default void check(DiffusionModel model) {
    attack().check(model);
  }

  @Override
  default AttackCost cost(DiffusionModel model, int models) {
    return attack().cost(model, models);
  }

  @Override
  default Map<Object, AttackCost> sharedCosts(DiffusionModel model) {
    return attack().sharedCosts(model);
  }
}
