package dev.ablation.concept;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import java.util.List;

/**
 * What a run preserves, in addition to what it removes. Gradient descent has a further term of the
 * loss, {@link dev.ablation.objective.AblationObjective#preservation()}: for every image of a step
 * one concept is taken, each as often as the others; its prompt is made from the image's anchor
 * prompt by the concept's own rule. A closed form is given all of these prompts.
 *
 * {@snippet class="dev.ablation.Snippets" region="preserve"}
 *
 * <p>An instance's rule needs the anchor's name in the anchor prompts, so it fits the pairs that
 * have such an anchor and is left out of the others; one that fits no pair is refused. A pair that
 * no rule fits preserves its anchor prompts themselves.
 *
 * @param concepts to preserve, such as neighbours of the target
 * @param prompts to preserve as they are, drawn evenly; taken together as often as one concept
 * @param weight of the term, positive
 */
@CheckReturnValue
public record Preservation(List<Concept> concepts, List<String> prompts, double weight) {

  /** Checks that there is something to preserve. */
  public Preservation {
    concepts = List.copyOf(concepts);
    prompts = List.copyOf(prompts);
    Preconditions.checkArgument(
        !concepts.isEmpty() || !prompts.isEmpty(), "concepts and prompts must not both be empty");
    Preconditions.checkArgument(
        weight > 0 && Double.isFinite(weight),
        "weight must be positive and finite, was %s",
        weight);
  }

  /**
   * Preserves concepts with weight 1.
   *
   * @param concepts at least one
   * @return the preservation
   */
  public static Preservation of(Concept... concepts) {
    return new Preservation(List.of(concepts), List.of(), 1);
  }

  /**
   * Preserves prompts with weight 1.
   *
   * @param prompts at least one
   * @return the preservation
   */
  public static Preservation ofPrompts(List<String> prompts) {
    return new Preservation(List.of(), prompts, 1);
  }

  /**
   * Changes the prompts that are preserved beside the concepts.
   *
   * @param prompts any number
   * @return a copy with the given prompts
   */
  public Preservation prompts(List<String> prompts) {
    return new Preservation(concepts, prompts, weight);
  }

  /**
   * Changes the weight.
   *
   * @param weight of the term, positive
   * @return a copy with the given weight
   */
  public Preservation weight(double weight) {
    return new Preservation(concepts, prompts, weight);
  }
}
