package dev.ablation.concept;

import com.google.common.base.Preconditions;
import dev.ablation.internal.Words;
import java.util.List;
import java.util.Optional;
import java.util.random.RandomGenerator;
import java.util.regex.Matcher;

/** A composition: replaces the anchor's name by a phrase that adds something to it. */
record Composition(String name) implements Concept {
  Composition {
    Preconditions.checkArgument(!name.isBlank(), "name of a composition must not be blank");
    name = name.strip();
  }

  @Override
  public ConceptKind kind() {
    return ConceptKind.COMPOSITION;
  }

  @Override
  public String targetPrompt(String anchorPrompt, String anchor, RandomGenerator random) {
    return replacement(anchor).of(anchor, anchorPrompt);
  }

  @Override
  public List<String> targetPrompts(String anchorPrompt, String anchor) {
    return List.of(replacement(anchor).of(anchor, anchorPrompt));
  }

  /** The plural "s" goes to the anchor's word within the phrase, not to the end of the phrase. */
  private Replacement replacement(String anchor) {
    Preconditions.checkArgument(!anchor.isBlank(), "anchor must not be blank");
    Matcher own = Words.ownWord(anchor).matcher(name);
    return own.find()
        ? new Replacement(name.substring(0, own.start(1)), name.substring(own.end(1)))
        : new Replacement(name, "");
  }

  @Override
  public Optional<Concept> named(String other) {
    return Optional.of(new Composition(other));
  }

  @Override
  public String toString() {
    return "composition '" + name + "'";
  }
}
