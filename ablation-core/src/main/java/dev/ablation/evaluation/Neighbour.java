package dev.ablation.evaluation;

import com.google.common.base.Preconditions;
import dev.ablation.concept.Concept;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Something like the target that is to be kept.
 *
 * @param concept makes its prompts; {@code null} if they are given, or if it is of the target's
 *     kind
 * @param prompts of its own; empty if they are derived
 */
record Neighbour(String name, @Nullable Concept concept, List<String> prompts) {
  Neighbour {
    Preconditions.checkArgument(!name.isBlank(), "name of a neighbour must not be blank");
    name = name.strip();
    prompts = List.copyOf(prompts);
  }

  /** The target and anchor that it is a neighbour of: the first of its kind, or the first. */
  EvaluationTarget aim(List<EvaluationTarget> aims) {
    Concept own = concept;
    return aims.stream()
        .filter(aim -> own != null && aim.target().kind() == own.kind())
        .findFirst()
        .orElse(aims.get(0));
  }

  List<String> prompts(EvaluationTarget aim, int most) {
    if (!prompts.isEmpty()) {
      return prompts;
    }
    Concept made =
        Optional.ofNullable(concept)
            .or(() -> aim.target().named(name))
            .orElseThrow(() ->
                new IllegalArgumentException(
                    ("neighbour '%s' needs prompts of its own, since a name alone makes no concept"
                            + " of the kind of %s")
                        .formatted(name, aim.target())));
    return aim.derived(made, most);
  }
}
