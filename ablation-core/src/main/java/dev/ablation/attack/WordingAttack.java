package dev.ablation.attack;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.attack.AttackSettings.Asking;
import dev.ablation.evaluation.Attack;
import dev.ablation.evaluation.AttackCost;
import dev.ablation.evaluation.AttackModels;
import dev.ablation.evaluation.AttackResult;
import dev.ablation.model.DiffusionModel;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * Leakage: prompts for the target in other words than those used in training.
 *
 * @param name such as {@code "misspelled"}
 * @param prompts at least one, drawn in turn
 * @param trial settings for drawing and counting images
 */
@CheckReturnValue
public record WordingAttack(String name, List<String> prompts, AttackSettings trial)
    implements Attack {
  private static final int MISSPELLINGS = 8;

  /** Copies the prompts and checks the values. */
  public WordingAttack {
    prompts = List.copyOf(prompts);
    Objects.requireNonNull(trial, "trial");
    Preconditions.checkArgument(!name.isBlank(), "name must not be blank");
    Preconditions.checkArgument(!prompts.isEmpty(), "prompts of '%s' must not be empty", name);
  }

  /**
   * Makes attacks from a target's prompts by writing its name in other ways: misspelled, in other
   * cases, split.
   *
   * @param target its name as it occurs in the prompts
   * @param prompts that draw the target; those without its name are excluded
   * @param trial settings for drawing and counting images
   * @return one attack for each way
   * @throws IllegalArgumentException if no prompt has the name
   */
  public static List<WordingAttack> of(String target, List<String> prompts, AttackSettings trial) {
    return ways(target, prompts, trial).values().stream().map(Supplier::get).toList();
  }

  /** The same by name; a name may be too short for one of the ways. */
  static Map<String, Supplier<WordingAttack>> ways(
      String target, List<String> prompts, AttackSettings trial) {
    Map<String, Function<String, List<String>>> wordings = new LinkedHashMap<>();
    wordings.put("misspelled", name -> Wordings.misspelled(name, MISSPELLINGS, trial.seed()));
    wordings.put("other case", Wordings::cased);
    wordings.put("split", Wordings::split);
    Map<String, Supplier<WordingAttack>> ways = new LinkedHashMap<>();
    wordings.forEach((way, wording) ->
        ways.put(way, () -> replacing(way, target, prompts, wording.apply(target), trial)));
    return ways;
  }

  /**
   * Makes an attack from a target's prompts with other words for its name, such as paraphrases or
   * its name in other languages.
   *
   * @param name name of the attack, such as {@code "translated"}
   * @param target its name as it occurs in the prompts
   * @param prompts that draw the target; those without its name are excluded
   * @param wordings replacements of the name
   * @param trial settings for drawing and counting images
   * @return the attack
   * @throws IllegalArgumentException if no prompt has the name, or there are no wordings
   */
  public static WordingAttack replacing(
      String name,
      String target,
      List<String> prompts,
      List<String> wordings,
      AttackSettings trial) {
    List<String> named = prompts.stream().filter(prompt -> prompt.contains(target)).toList();
    Preconditions.checkArgument(
        !named.isEmpty(), "prompts must contain the target's name '%s', were %s", target, prompts);
    List<String> changed = new ArrayList<>();
    int count = Math.max(named.size(), wordings.size());
    for (int i = 0; i < count && !wordings.isEmpty(); i++) {
      changed.add(named.get(i % named.size()).replace(target, wordings.get(i % wordings.size())));
    }
    return new WordingAttack(name, changed, trial);
  }

  @Override
  public void check(DiffusionModel model) {
    trial.check(model);
  }

  @Override
  public AttackCost cost(DiffusionModel model, int models) {
    return trial.drawing(model).times(models);
  }

  @Override
  public AttackResult run(AttackModels models, BooleanSupplier cancelled) {
    List<String> asked = trial.inTurn(prompts);
    return trial.compare(
        "leakage",
        name,
        Map.of("prompts", String.join(" | ", prompts)),
        asked,
        models,
        cancelled,
        new Asking(trial, asked));
  }
}
