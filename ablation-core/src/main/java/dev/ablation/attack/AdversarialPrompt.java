package dev.ablation.attack;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.evaluation.Attack;
import dev.ablation.evaluation.AttackCost;
import dev.ablation.evaluation.AttackModels;
import dev.ablation.evaluation.AttackResult;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.WeightRole;
import dev.ablation.random.RandomStreams;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import java.util.random.RandomGenerator;

/**
 * Searches words before the prompt, by gradients through the text encoder, that make the model
 * predict the noise in images of the target. The words are embeddings of any value ("soft"), or the
 * nearest words of the vocabulary at every step ("projected"), which anyone can type: P4D (Chin et
 * al. 2024, arXiv 2309.06135), with the objective of UnlearnDiffAtk (Zhang et al. 2024, arXiv
 * 2310.11868), which needs no second model.
 *
 * @param examples images of the target, of the model's size, with prompts that are true of each;
 *     their {@code {}} stands for the searched words, such as in {@code "{} an owl in ink style"}
 * @param placeholders different words that are one token each and do not occur in the prompts;
 *     their rows of the token table are searched. Published are 3 to 5
 * @param projected whether the words are of the vocabulary
 * @param asked prompts with {@code {}}, drawn in turn
 * @param budget steps and learning rate
 * @param trial settings for drawing and counting images
 */
@CheckReturnValue
public record AdversarialPrompt(
    List<InversionExample> examples,
    List<String> placeholders,
    boolean projected,
    List<String> asked,
    InversionBudget budget,
    AttackSettings trial)
    implements Attack {

  /** Copies the lists and checks the values. */
  public AdversarialPrompt {
    examples = List.copyOf(examples);
    placeholders = List.copyOf(placeholders);
    asked = List.copyOf(asked);
    Objects.requireNonNull(budget, "budget");
    Objects.requireNonNull(trial, "trial");
    Preconditions.checkArgument(!examples.isEmpty(), "originals must not be empty");
    Preconditions.checkArgument(!placeholders.isEmpty(), "placeholders must not be empty");
    Preconditions.checkArgument(
        new HashSet<>(placeholders).size() == placeholders.size(),
        "placeholders must differ, were %s",
        placeholders);
    InversionExample.checkPrompts("asked", asked);
  }

  @Override
  public String name() {
    return "%s adversarial prompt of %d words, %d steps"
        .formatted(projected ? "projected" : "soft", placeholders.size(), budget.steps());
  }

  @Override
  public void check(DiffusionModel model) {
    trial.check(model);
    LearnedTokens.check(model, placeholders);
    LatentImages.check(model, examples.stream().map(InversionExample::image).toList());
  }

  @Override
  public AttackCost cost(DiffusionModel model, int models) {
    return budget.cost(trial.drawing(model)).times(models);
  }

  @Override
  public AttackResult run(AttackModels models, BooleanSupplier cancelled) {
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("originals", Integer.toString(examples.size()));
    settings.put("placeholders", String.join(" ", placeholders));
    settings.put("prompts", String.join(" | ", asked));
    settings.putAll(budget.settings());
    String words = String.join(" ", placeholders);
    List<String> prompts =
        trial.inTurn(asked.stream().map(prompt -> InversionExample.filled(prompt, words)).toList());
    LearnedTokens tokens =
        new LearnedTokens(
            placeholders,
            examples.stream().map(example -> example.with(words)).toList(),
            prompts,
            budget,
            projected,
            trial);
    return trial.compare(
        "adversarial prompt",
        name(),
        settings,
        prompts,
        models,
        cancelled,
        attacked -> tokens.draw(attacked, List.of(start(attacked.model()))));
  }

  /** Rows of words of the vocabulary, at random. */
  private LearnedTokens.Start start(DiffusionModel model) {
    long rows =
        model.weights().list().stream()
            .filter(info -> info.role() == WeightRole.TOKEN_EMBEDDING)
            .mapToLong(info -> info.shape().get(0))
            .findFirst()
            .orElseThrow();
    RandomGenerator random = RandomStreams.stream(trial.seed(), "adversarial prompt", 0);
    List<Integer> start = new ArrayList<>();
    for (int i = 0; i < placeholders.size(); i++) {
      start.add(Math.toIntExact(random.nextLong(rows)));
    }
    return new LearnedTokens.Start("random words", start);
  }
}
