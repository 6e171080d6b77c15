package dev.ablation.evaluation;

import com.google.common.base.Preconditions;
import dev.ablation.concept.Concept;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A concept that is similar to the target but has to be retained.
 *
 * @param concept derives the prompts; {@code null} if they are given, or if it is of the target's
 *     kind
 * @param prompts given prompts; empty if they are derived
 * @param found by a search; {@code null} if it was named
 */
record Neighbour(
    String name, @Nullable Concept concept, List<String> prompts, @Nullable NearConcept found) {
  Neighbour {
    Preconditions.checkArgument(!name.isBlank(), "name of a neighbour must not be blank");
    name = name.strip();
    prompts = List.copyOf(prompts);
  }

  Neighbour(String name, @Nullable Concept concept, List<String> prompts) {
    this(name, concept, prompts, null);
  }

  /**
   * The target that it is a neighbour of: the first one of the same kind or, without one, the
   * first.
   */
  EvaluationTarget target(List<EvaluationTarget> targets) {
    Concept own = concept;
    return targets.stream()
        .filter(target -> own != null && target.target().kind() == own.kind())
        .findFirst()
        .orElse(targets.get(0));
  }

  List<String> prompts(EvaluationTarget target, int most) {
    if (!prompts.isEmpty()) {
      return prompts;
    }
    Concept made =
        Optional.ofNullable(concept)
            .or(() -> target.target().named(name))
            .orElseThrow(() ->
                new IllegalArgumentException(
                    ("needs its own prompts, since the name '%s' alone does not define a concept"
                            + " of the kind of %s")
                        .formatted(name, target.target())));
    return target.derived(made, most);
  }
}
