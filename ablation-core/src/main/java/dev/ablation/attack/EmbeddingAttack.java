package dev.ablation.attack;

import ai.djl.ndarray.NDManager;
import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.concept.PromptPair;
import dev.ablation.evaluation.Attack;
import dev.ablation.evaluation.AttackCost;
import dev.ablation.evaluation.AttackModels;
import dev.ablation.evaluation.AttackResult;
import dev.ablation.model.DiffusionModel;
import dev.ablation.sample.LatentSampler;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BooleanSupplier;

/**
 * An attack in the text embeddings, after Ring-A-Bell (Tsai et al. 2024, arXiv 2310.10012, equation
 * 2) in the form that passes the embeddings to the model directly: the mean difference of
 * embeddings with and without the concept is added, {@code strength} times, to the embeddings of
 * other prompts, and to the pooled embedding of models that have one. It needs only the text
 * encoder.
 *
 * @param pairs prompts with and without the concept, at least one
 * @param prompts to which the concept is added, such as the anchor's; at least one
 * @param strength eta; published are 3 for nudity and 0.9 for a painter
 * @param trial settings for drawing and counting images
 */
@CheckReturnValue
public record EmbeddingAttack(
    List<PromptPair> pairs, List<String> prompts, double strength, AttackSettings trial)
    implements Attack {

  /** Copies the lists and checks the values. */
  public EmbeddingAttack {
    pairs = List.copyOf(pairs);
    prompts = List.copyOf(prompts);
    Objects.requireNonNull(trial, "trial");
    Preconditions.checkArgument(!pairs.isEmpty(), "pairs must not be empty");
    Preconditions.checkArgument(!prompts.isEmpty(), "prompts must not be empty");
    Preconditions.checkArgument(
        Double.isFinite(strength) && strength != 0,
        "strength must be a number other than 0, was %s",
        strength);
  }

  @Override
  public String name() {
    return "concept added to the text embeddings, %s times".formatted(strength);
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
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("pairs", Integer.toString(pairs.size()));
    settings.put("strength", Double.toString(strength));
    settings.put("prompts", String.join(" | ", prompts));
    return trial.compare(
        "embedding attack",
        name(),
        settings,
        trial.inTurn(prompts),
        models,
        cancelled,
        attacked -> {
          DiffusionModel model = attacked.model();
          try (NDManager scope = model.newScope()) {
            ConceptDirection direction = ConceptDirection.of(model, pairs, strength, scope);
            return LatentSampler.of(model)
                .settings(trial.sampling())
                .cancellation(attacked.cancelled())
                .conditioning(direction::addedTo)
                .draw(trial.inTurn(prompts), trial.seed());
          }
        });
  }
}
