package dev.ablation.concept;

import com.google.common.base.Preconditions;
import java.util.List;
import java.util.Optional;
import java.util.random.RandomGenerator;

/** An instance: replaces the anchor's name by the instance's. */
record Instance(String name) implements Concept {
  Instance {
    Preconditions.checkArgument(!name.isBlank(), "name of an instance must not be blank");
    name = name.strip();
  }

  @Override
  public ConceptKind kind() {
    return ConceptKind.INSTANCE;
  }

  @Override
  public String targetPrompt(String anchorPrompt, String anchor, RandomGenerator random) {
    return new Replacement(name, "").of(anchor, anchorPrompt);
  }

  @Override
  public List<String> targetPrompts(String anchorPrompt, String anchor) {
    return List.of(new Replacement(name, "").of(anchor, anchorPrompt));
  }

  @Override
  public Optional<Concept> named(String other) {
    return Optional.of(new Instance(other));
  }

  @Override
  public String toString() {
    return "instance '" + name + "'";
  }
}
