package dev.ablation.attack;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.evaluation.Attack;
import dev.ablation.evaluation.AttackCost;
import dev.ablation.evaluation.AttackModels;
import dev.ablation.evaluation.AttackResult;
import dev.ablation.model.DiffusionModel;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BooleanSupplier;

/**
 * Tries to recover the target by textual inversion (Gal et al. 2022, arXiv 2208.01618; against
 * erased concepts, Pham et al. 2024, arXiv 2308.01508): learns the embedding of one token from
 * images of the target, by the loss that the model itself was trained with, and draws with it. All
 * other weights remain those of the model under attack, so what it recovers was not removed. Every
 * model is attacked in the same way: from each start word in turn until the target shows in 80 % of
 * the images or the steps are spent; the best images count. One row of the token table is trained;
 * every other row stays unchanged, to the last bit.
 *
 * @param examples images of the target, of the model's size, and prompts that are true of each; at
 *     least one, published are 25
 * @param placeholder a word that is one token and does not occur in the prompts otherwise, such as
 *     {@code "sks"} of CLIP's vocabulary; its row is learned
 * @param initializers words that are one token each, whose rows are the starts, such as what the
 *     target is a kind of; at least one
 * @param asked prompts with {@code {}} for the placeholder, drawn in turn
 * @param budget steps and learning rate
 * @param trial settings for drawing and counting images
 */
@CheckReturnValue
public record TextualInversion(
    List<InversionExample> examples,
    String placeholder,
    List<String> initializers,
    List<String> asked,
    InversionBudget budget,
    AttackSettings trial)
    implements Attack {

  /** Copies the lists and checks the values. */
  public TextualInversion {
    examples = List.copyOf(examples);
    initializers = List.copyOf(initializers);
    asked = List.copyOf(asked);
    Objects.requireNonNull(budget, "budget");
    Objects.requireNonNull(trial, "trial");
    Preconditions.checkArgument(!examples.isEmpty(), "originals must not be empty");
    Preconditions.checkArgument(!placeholder.isBlank(), "placeholder must not be blank");
    Preconditions.checkArgument(!initializers.isEmpty(), "initializers must not be empty");
    InversionExample.checkPrompts("templates", asked);
  }

  /**
   * Learns from images that the same prompts describe.
   *
   * @param originals images of the target, of the model's size, at least one
   * @param placeholder a word that is one token; its row is learned
   * @param initializer a word that is one token, the start
   * @param templates prompts with {@code {}} for the placeholder, true of every image
   * @param budget steps and learning rate
   * @param trial settings for drawing and counting images
   * @return the attack
   */
  public static TextualInversion of(
      List<BufferedImage> originals,
      String placeholder,
      String initializer,
      List<String> templates,
      InversionBudget budget,
      AttackSettings trial) {
    InversionExample.checkPrompts("templates", templates);
    return new TextualInversion(
        originals.stream().map(image -> new InversionExample(image, templates)).toList(),
        placeholder,
        List.of(initializer),
        templates,
        budget,
        trial);
  }

  @Override
  public String name() {
    return "textual inversion, %d steps".formatted(budget.steps());
  }

  @Override
  public void check(DiffusionModel model) {
    trial.check(model);
    List<String> words = new ArrayList<>(initializers);
    words.add(placeholder);
    LearnedTokens.check(model, words);
    LatentImages.check(model, examples.stream().map(InversionExample::image).toList());
  }

  @Override
  public AttackCost cost(DiffusionModel model, int models) {
    return budget.cost(trial.drawing(model)).times((long) models * initializers.size());
  }

  @Override
  public AttackResult run(AttackModels models, BooleanSupplier cancelled) {
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("originals", Integer.toString(examples.size()));
    settings.put("placeholder", placeholder);
    settings.put("initializers", String.join(" | ", initializers));
    settings.put("prompts", String.join(" | ", asked));
    settings.putAll(budget.settings());
    List<String> prompts =
        trial.inTurn(
            asked.stream().map(prompt -> InversionExample.filled(prompt, placeholder)).toList());
    LearnedTokens tokens =
        new LearnedTokens(
            List.of(placeholder),
            examples.stream().map(example -> example.with(placeholder)).toList(),
            prompts,
            budget,
            false,
            trial);
    return trial.compare(
        "learned word",
        name(),
        settings,
        prompts,
        models,
        cancelled,
        attacked ->
            tokens.draw(
                attacked,
                initializers.stream()
                    .map(word ->
                        new LearnedTokens.Start(
                            word, List.of(LearnedTokens.token(attacked.model(), word))))
                    .toList()));
  }
}
