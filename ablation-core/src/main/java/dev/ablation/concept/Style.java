package dev.ablation.concept;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * A style: puts the anchor prompt into templates.
 *
 * @param given the chosen templates; {@code null} for those of the plan's preset
 */
@CheckReturnValue
record Style(String name, @Nullable StyleTemplates given) implements Concept {
  Style {
    Preconditions.checkArgument(!name.isBlank(), "name of a style must not be blank");
    name = name.strip();
  }

  @Override
  public ConceptKind kind() {
    return ConceptKind.STYLE;
  }

  @Override
  public Concept withDefaults(StyleTemplates templates) {
    return given == null ? new Style(name, templates) : this;
  }

  @Override
  public Map<String, String> settings() {
    return Map.of("target.templates", templates().toString());
  }

  @Override
  public String targetPrompt(String anchorPrompt, String anchor, RandomGenerator random) {
    List<String> forms = templates().forms();
    return Templates.fill(forms.get(random.nextInt(forms.size())), name, anchorPrompt);
  }

  @Override
  public List<String> targetPrompts(String anchorPrompt, String anchor) {
    return templates().forms().stream()
        .distinct()
        .map(form -> Templates.fill(form, name, anchorPrompt))
        .toList();
  }

  private StyleTemplates templates() {
    return given == null ? StyleTemplates.diffusers() : given;
  }

  @Override
  public Optional<Concept> named(String other) {
    return Optional.of(new Style(other, given));
  }

  @Override
  public String toString() {
    return "style '" + name + "'";
  }
}
