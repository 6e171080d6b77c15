package dev.ablation.attack;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ablation.concept.PromptPair;
import dev.ablation.model.Conditioning;
import dev.ablation.model.DiffusionModel;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The direction of a concept in the text embeddings: the mean difference between prompts with and
 * without it (Tsai et al. 2024, arXiv 2310.10012, equation 1), in each array that depends on the
 * prompt.
 *
 * @param arrays (1, ...) each, times a strength, by their names
 */
record ConceptDirection(Map<String, NDArray> arrays) {

  /**
   * Encodes the pairs.
   *
   * @param scope owner of the arrays
   */
  static ConceptDirection of(
      DiffusionModel model, List<PromptPair> pairs, double strength, NDManager scope) {
    Conditioning with = model.encode(pairs.stream().map(PromptPair::target).toList(), scope);
    Conditioning without = model.encode(pairs.stream().map(PromptPair::anchor).toList(), scope);
    Map<String, NDArray> directions = new LinkedHashMap<>();
    for (String name : List.of(Conditioning.TEXT, Conditioning.POOLED)) {
      if (with.has(name)) {
        NDArray difference = with.get(name).sub(without.get(name));
        directions.put(name, difference.mean(new int[] {0}, true).mul(strength));
      }
    }
    return new ConceptDirection(directions);
  }

  Conditioning addedTo(Conditioning conditioning) {
    Conditioning changed = conditioning;
    for (Map.Entry<String, NDArray> direction : arrays.entrySet()) {
      NDArray states = conditioning.get(direction.getKey());
      changed = changed.with(direction.getKey(), states.add(direction.getValue()));
    }
    return changed;
  }
}
