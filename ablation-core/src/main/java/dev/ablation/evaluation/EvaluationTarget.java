package dev.ablation.evaluation;

import com.google.common.base.Preconditions;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.concept.Concept;
import dev.ablation.concept.ConceptKind;
import dev.ablation.internal.Words;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
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
    return ruled(named(target.name()), most);
  }

  /**
   * What the prompts of the target, or of an alias, name beside it: the anchor prompts that they
   * were derived from. Empty if they were given, or have nothing in common with the anchor's.
   */
  List<String> restsOfTarget(int most) {
    boolean related =
        target.kind() != ConceptKind.MEMORIZED_IMAGE && target.kind() != ConceptKind.PROMPT_PAIRS;
    return targetPrompts.isEmpty() && related ? promptsOfAnchor(most) : List.of();
  }

  /**
   * The prompts of the target under another of its names: the given ones with that name, or derived
   * ones.
   */
  List<String> promptsOfAlias(String alias, int most) {
    if (targetPrompts.isEmpty()) {
      return ruled(named(alias), most);
    }
    Pattern name = Words.ownWord(target.name());
    List<String> renamed =
        targetPrompts.stream()
            .map(prompt -> name.matcher(prompt).replaceAll(Matcher.quoteReplacement(alias) + "$1"))
            .toList();
    for (int i = 0; i < renamed.size(); i++) {
      Preconditions.checkArgument(
          !renamed.get(i).equals(targetPrompts.get(i)),
          "prompts of the target must contain its name '%s', so that the alias can replace it, but"
              + " '%s' does not",
          target.name(),
          targetPrompts.get(i));
    }
    return renamed;
  }

  /**
   * Prompts that name the target and something else. A style and content of any subject apply to
   * the other thing; anything else stands beside it.
   */
  List<String> promptsWith(String other, int most) {
    Concept named = named(target.name());
    return switch (target.kind()) {
      case STYLE, INAPPROPRIATE_CONTENT ->
          named.targetPrompts(other, anchor).stream().limit(most).toList();
      default -> promptsOfTarget(most).stream().map(prompt -> prompt + " and " + other).toList();
    };
  }

  /** The target under a single name. */
  private Concept named(String name) {
    return target.aliases().isEmpty() ? target : target.named(name).orElse(target);
  }

  private List<String> ruled(Concept concept, int most) {
    AnchorStrategy own = strategy;
    return own == null
        ? derived(concept, most)
        : derived(most, prompt -> own.targetPrompts(concept, prompt));
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
