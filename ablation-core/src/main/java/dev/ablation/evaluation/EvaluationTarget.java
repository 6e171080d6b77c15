package dev.ablation.evaluation;

import com.google.common.base.Preconditions;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.concept.Concept;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A target with its anchor.
 *
 * @param anchorPrompts prompts from which those of all subjects are derived
 * @param targetPrompts given prompts of the target; empty if they are derived
 * @param strategy strategy with its own rule for target prompts; {@code null} to use the concept's
 *     rule
 */
record EvaluationTarget(
    Concept target,
    String anchor,
    List<String> anchorPrompts,
    List<String> targetPrompts,
    @Nullable AnchorStrategy strategy) {
  EvaluationTarget {
    Objects.requireNonNull(target, "target");
    Preconditions.checkArgument(!anchor.isBlank(), "anchor must not be blank");
    anchorPrompts = List.copyOf(anchorPrompts);
    targetPrompts = List.copyOf(targetPrompts);
    Preconditions.checkArgument(
        !anchorPrompts.isEmpty(), "anchor prompts of %s must not be empty", target);
    Preconditions.checkArgument(
        !target.name().equalsIgnoreCase(anchor),
        "anchor must differ from the target, both were '%s'",
        anchor);
  }

  EvaluationTarget anchorPrompts(List<String> prompts) {
    return new EvaluationTarget(target, anchor, prompts, targetPrompts, strategy);
  }

  List<String> promptsOfAnchor(int most) {
    return first(anchorPrompts, most);
  }

  /**
   * Throws an IllegalArgumentException if the target cannot derive a prompt from an anchor prompt.
   */
  List<String> promptsOfTarget(int most) {
    if (!targetPrompts.isEmpty()) {
      return targetPrompts;
    }
    AnchorStrategy own = strategy;
    return own == null
        ? derived(target, most)
        : derived(most, prompt -> own.targetPrompts(target, prompt));
  }

  /** The prompts of another concept instead of the target. */
  List<String> derived(Concept concept, int most) {
    return derived(most, prompt -> concept.targetPrompts(prompt, anchor));
  }

  /** Alternates between forms if a concept has several. */
  private List<String> derived(int most, Rule rule) {
    List<String> from = promptsOfAnchor(most);
    List<String> prompts = new ArrayList<>();
    for (int i = 0; i < from.size(); i++) {
      List<String> forms = rule.of(from.get(i));
      prompts.add(forms.get(i % forms.size()));
    }
    return prompts;
  }

  private static List<String> first(List<String> prompts, int most) {
    return prompts.stream().distinct().limit(most).toList();
  }

  private interface Rule {
    List<String> of(String anchorPrompt);
  }
}
