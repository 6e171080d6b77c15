package dev.ablation.emoji;

import dev.ablation.concept.Concept;
import dev.ablation.concept.ConceptKind;
import java.util.List;
import java.util.Optional;
import java.util.random.RandomGenerator;

/**
 * A style whose anchor is another style: the one word takes the other's place in the prompt, as the
 * words of an instance do.
 *
 * @param name of the style
 */
record StyleWord(String name) implements Concept {

  @Override
  public ConceptKind kind() {
    return ConceptKind.STYLE;
  }

  @Override
  public String targetPrompt(String anchorPrompt, String anchor, RandomGenerator random) {
    return Concept.instance(name).targetPrompt(anchorPrompt, anchor, random);
  }

  @Override
  public List<String> targetPrompts(String anchorPrompt, String anchor) {
    return Concept.instance(name).targetPrompts(anchorPrompt, anchor);
  }

  @Override
  public Optional<Concept> named(String other) {
    return Optional.of(new StyleWord(other));
  }

  @Override
  public String toString() {
    return "style '" + name + "'";
  }
}
