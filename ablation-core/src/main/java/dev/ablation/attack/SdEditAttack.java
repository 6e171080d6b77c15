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
import java.awt.image.BufferedImage;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BooleanSupplier;

/**
 * Takes images of the target, adds noise up to a share of the schedule and lets the model complete
 * them by DDIM (Meng et al. 2022, arXiv 2108.01073): a model without the target cannot restore what
 * the noise hides. At a low share the image survives in any model, so compare with the base model's
 * value.
 *
 * @param originals images of the target, of the model's size, at least one
 * @param start share of the schedule to start at, in (0, 1]; typical values are 0.3, 0.5 and 0.7
 * @param prompts with which the model completes them, such as the anchor's, the target's or the
 *     empty one
 * @param trial settings for drawing and counting images; its sampler is not used
 */
@CheckReturnValue
public record SdEditAttack(
    List<BufferedImage> originals, double start, List<String> prompts, AttackSettings trial)
    implements Attack {

  /** Copies the lists and checks the values. */
  public SdEditAttack {
    originals = List.copyOf(originals);
    prompts = List.copyOf(prompts);
    Objects.requireNonNull(trial, "trial");
    Preconditions.checkArgument(!originals.isEmpty(), "originals must not be empty");
    Preconditions.checkArgument(
        start > 0 && start <= 1, "start must be above 0 and at most 1, was %s", start);
    Preconditions.checkArgument(!prompts.isEmpty(), "prompts must not be empty");
  }

  @Override
  public String name() {
    return "image noised to " + start;
  }

  @Override
  public void check(DiffusionModel model) {
    trial.check(model);
    LatentImages.check(model, originals);
  }

  @Override
  public AttackCost cost(DiffusionModel model, int models) {
    return trial.walking(trial.sampling().steps()).times(models);
  }

  @Override
  public AttackResult run(AttackModels models, BooleanSupplier cancelled) {
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("start", Double.toString(start));
    settings.put("originals", Integer.toString(originals.size()));
    settings.put("prompts", String.join(" | ", prompts));
    List<String> asked = trial.inTurn(prompts);
    List<BufferedImage> inTurn = trial.inTurn(originals);
    return trial.compare(
        "initial image",
        name(),
        settings,
        asked,
        models,
        cancelled,
        attacked -> {
          try (NDManager scope = attacked.model().newScope()) {
            NDArray clean =
                LatentImages.of(attacked.model(), inTurn, trial.sampling().batchSize(), scope);
            return trial.walk(attacked).start(start).draw(asked, clean);
          }
        });
  }
}
