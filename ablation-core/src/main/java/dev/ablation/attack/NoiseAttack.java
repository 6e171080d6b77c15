package dev.ablation.attack;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.evaluation.Attack;
import dev.ablation.evaluation.AttackCost;
import dev.ablation.evaluation.AttackModels;
import dev.ablation.evaluation.AttackResult;
import dev.ablation.model.DiffusionModel;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BooleanSupplier;

/**
 * Draws the target's prompts by DDIM with more fresh noise than the process has (eta above 1), cut
 * at each step's noise level. It defeats a removal that changes only the usual sampling paths.
 *
 * @param eta above 1
 * @param prompts that draw the target
 * @param trial settings for drawing and counting images; its sampler is not used
 */
@CheckReturnValue
public record NoiseAttack(double eta, List<String> prompts, AttackSettings trial)
    implements Attack {

  /** Copies the prompts and checks the values. */
  public NoiseAttack {
    prompts = List.copyOf(prompts);
    Objects.requireNonNull(trial, "trial");
    Preconditions.checkArgument(
        eta > 1 && Double.isFinite(eta), "eta must be above 1, was %s", eta);
    Preconditions.checkArgument(!prompts.isEmpty(), "prompts must not be empty");
  }

  @Override
  public String name() {
    return "eta " + eta;
  }

  @Override
  public void check(DiffusionModel model) {
    trial.check(model);
  }

  @Override
  public AttackCost cost(DiffusionModel model, int models) {
    return trial.walking(trial.sampling().steps()).times(models);
  }

  @Override
  public AttackResult run(AttackModels models, BooleanSupplier cancelled) {
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("eta", Double.toString(eta));
    settings.put("prompts", String.join(" | ", prompts));
    List<String> asked = trial.inTurn(prompts);
    return trial.compare(
        "extra noise",
        name(),
        settings,
        asked,
        models,
        cancelled,
        attacked -> trial.walk(attacked).eta(eta).draw(asked));
  }
}
