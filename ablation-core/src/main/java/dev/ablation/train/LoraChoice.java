package dev.ablation.train;

import dev.ablation.model.Capabilities;
import dev.ablation.model.Differentiable.GradientOptions;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.Lora;
import dev.ablation.model.LoraTraining;
import dev.ablation.model.TrainingSession;
import dev.ablation.model.WeightInfo;
import dev.ablation.model.WeightRole;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Which of the chosen weights are changed in low-rank form. Whole groups, such as all attention,
 * hold biases and normalisations too. As in peft these keep their values: refusing the group would
 * make every user write the same predicate. Token embeddings are refused, for who chooses them
 * wants their rows trained.
 */
final class LoraChoice {
  private static final int LISTED = 12;

  private final LoraTraining training;
  private final List<String> embeddings = new ArrayList<>();
  private final List<String> changed = new ArrayList<>();
  private final List<String> kept = new ArrayList<>();

  private LoraChoice(LoraTraining training) {
    this.training = training;
  }

  static LoraChoice of(DiffusionModel model, List<WeightInfo> weights) {
    LoraChoice choice =
        new LoraChoice(
            Capabilities.require(model, LoraTraining.class, "training low-rank changes"));
    for (WeightInfo info : weights) {
      if (info.role() == WeightRole.TOKEN_EMBEDDING) {
        choice.embeddings.add(info.name());
      } else if (choice.training.hasLowRankForm(info.name())) {
        choice.changed.add(info.name());
      } else {
        choice.kept.add(info.name());
      }
    }
    return choice;
  }

  List<String> problems() {
    if (!embeddings.isEmpty()) {
      return List.of(
          ("token embeddings are trained by rows, which have no low-rank form: train %s without"
                  + " lora, or leave them out with group.minus(WeightGroup.tokenEmbeddings())")
              .formatted(embeddings));
    }
    return changed.isEmpty()
        ? List.of(
            "lora needs linear maps or convolutions, but the chosen weights are none: "
                + listed(kept))
        : List.of();
  }

  /** Says what is not trained, if anything is not. */
  Optional<String> warning() {
    return kept.isEmpty()
        ? Optional.empty()
        : Optional.of(
            "%d of %d chosen weights have no low-rank form and keep their values: %s"
                .formatted(kept.size(), kept.size() + changed.size(), listed(kept)));
  }

  TrainingSession train(Lora lora, long seed, GradientOptions options) {
    List<String> problems = problems();
    if (!problems.isEmpty()) {
      throw new IllegalArgumentException(problems.get(0));
    }
    return training.train(changed, lora, seed, options);
  }

  private static String listed(List<String> names) {
    String first = names.stream().limit(LISTED).collect(Collectors.joining(", "));
    return names.size() <= LISTED ? first : first + " and " + (names.size() - LISTED) + " more";
  }
}
