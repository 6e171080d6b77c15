package dev.ablation.attack;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
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
 * Two models on one trajectory (Lu et al. 2025, arXiv 2505.17013, "diffusion completion"): the base
 * model makes the first steps of DDIM with the target's prompts, the model under attack the rest.
 * It tells whether a removal only keeps the model from beginning an image of the target.
 *
 * @param baseSteps steps of the base model, positive; published are 5 and 10
 * @param steps of all, above {@code baseSteps}; published are 50
 * @param prompts that draw the target
 * @param trial settings for drawing and counting images; its sampler and steps are not used
 */
@CheckReturnValue
public record CompletionAttack(int baseSteps, int steps, List<String> prompts, AttackSettings trial)
    implements Attack {

  /** Copies the prompts and checks the values. */
  public CompletionAttack {
    prompts = List.copyOf(prompts);
    Objects.requireNonNull(trial, "trial");
    Preconditions.checkArgument(baseSteps > 0, "baseSteps must be positive, was %s", baseSteps);
    Preconditions.checkArgument(
        steps > baseSteps, "steps must be above baseSteps, %s, was %s", baseSteps, steps);
    Preconditions.checkArgument(!prompts.isEmpty(), "prompts must not be empty");
  }

  @Override
  public String name() {
    return "begun by the base model, %d of %d steps".formatted(baseSteps, steps);
  }

  @Override
  public void check(DiffusionModel model) {
    trial.check(model);
  }

  @Override
  public AttackCost cost(DiffusionModel model, int models) {
    return trial.walking(baseSteps).plus(trial.walking(steps - baseSteps).times(models));
  }

  @Override
  public AttackResult run(AttackModels models, BooleanSupplier cancelled) {
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("base steps", Integer.toString(baseSteps));
    settings.put("prompts", String.join(" | ", prompts));
    List<String> asked = trial.inTurn(prompts);
    AttackSettings stepped = trial.sampling(trial.sampling().steps(steps));
    try (NDManager scope = models.base().newScope()) {
      NDArray begun =
          stepped.walk(models.base(), cancelled).steps(0, baseSteps).latents(asked, scope);
      return stepped.compare(
          "initial image",
          name(),
          settings,
          asked,
          models,
          cancelled,
          attacked -> stepped.walk(attacked).steps(baseSteps, steps).drawFrom(asked, begun));
    }
  }
}
