package dev.ablation.train;

import dev.ablation.concept.Concept;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * A concept to remove, as prompts; for trainers that use no anchor images.
 *
 * {@snippet class="dev.ablation.Snippets" region="trainer"}
 *
 * @param target concept to remove
 * @param anchor name of the anchor
 * @param prompts anchor prompt to every target prompt that is paired with it, at least one each; in
 *     the order of the anchor's prompts
 * @param preserved concepts that training preserves with this pair; literal prompts that the plan
 *     preserves form one concept of kind {@link dev.ablation.concept.ConceptKind#MEMORIZED_IMAGE}
 * @param preservedPrompts every prompt that training preserves with this pair, without repetitions:
 *     those that the preserved concepts derive from the anchor prompts; the anchor prompts
 *     themselves if the plan preserves something and no concept applies; empty if the plan
 *     preserves nothing
 */
public record TrainingPair(
    Concept target,
    String anchor,
    Map<String, List<String>> prompts,
    List<Concept> preserved,
    List<String> preservedPrompts) {

  /** Copies lists and map. */
  public TrainingPair {
    Objects.requireNonNull(target, "target");
    Objects.requireNonNull(anchor, "anchor");
    Map<String, List<String>> copy = new LinkedHashMap<>();
    prompts.forEach((from, to) -> copy.put(from, List.copyOf(to)));
    prompts = Collections.unmodifiableMap(copy);
    preserved = List.copyOf(preserved);
    preservedPrompts = List.copyOf(preservedPrompts);
  }

  /** {@return the anchor prompts, without repetitions} */
  public List<String> anchorPrompts() {
    return List.copyOf(prompts.keySet());
  }

  /** {@return the target prompts, without repetitions} */
  public List<String> targetPrompts() {
    return prompts.values().stream().flatMap(List::stream).distinct().toList();
  }
}
