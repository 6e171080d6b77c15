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
 * Draws prompts that do not name the target, guided towards it by an evaluator's gradient: tests
 * what the network can still draw, independent of the text. The evaluator that guides is no judge
 * of the images, which {@link AttackResult#independent} leaves aside: give the trial another one,
 * too.
 *
 * @param guide the evaluator's gradient
 * @param strength strength of the guidance, in units of the noise; positive
 * @param prompts such as the anchor's, or the empty one
 * @param trial settings for drawing and counting images; its sampler is not used
 */
@CheckReturnValue
public record GuidanceAttack(
    LatentGuide guide, double strength, List<String> prompts, AttackSettings trial)
    implements Attack {

  /** Copies the prompts and checks the values. */
  public GuidanceAttack {
    prompts = List.copyOf(prompts);
    Objects.requireNonNull(guide, "guide");
    Objects.requireNonNull(trial, "trial");
    Preconditions.checkArgument(
        strength > 0 && Double.isFinite(strength), "strength must be positive, was %s", strength);
    Preconditions.checkArgument(!prompts.isEmpty(), "prompts must not be empty");
  }

  @Override
  public String name() {
    return "guided by an evaluator, strength " + strength;
  }

  @Override
  public void check(DiffusionModel model) {
    trial.check(model);
    guide.check(model);
  }

  @Override
  public AttackCost cost(DiffusionModel model, int models) {
    return trial.walking(trial.sampling().steps()).times(models);
  }

  @Override
  public AttackResult run(AttackModels models, BooleanSupplier cancelled) {
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("guide", guide.name());
    guide.evaluator().ifPresent(info -> settings.put(AttackResult.GUIDE, info.sha256()));
    settings.put("strength", Double.toString(strength));
    settings.put("prompts", String.join(" | ", prompts));
    List<String> asked = trial.inTurn(prompts);
    return trial.compare(
        "evaluator's guidance",
        name(),
        settings,
        asked,
        models,
        cancelled,
        attacked -> trial.walk(attacked).guide(guide, strength).draw(asked));
  }
}
