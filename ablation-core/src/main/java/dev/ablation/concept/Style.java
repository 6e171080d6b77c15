package dev.ablation.concept;

import com.google.common.base.Preconditions;
import java.util.List;
import java.util.random.RandomGenerator;

/** A style: templates around the anchor prompt. */
record Style(String name, List<String> templates) implements Concept {
  private static final String PROMPT = "{prompt}";
  private static final String NAME = "{name}";

  Style {
    Preconditions.checkArgument(!name.isBlank(), "name of a style must not be blank");
    Preconditions.checkArgument(!templates.isEmpty(), "templates must not be empty");
    for (String template : templates) {
      Preconditions.checkArgument(
          template.contains(PROMPT) && template.contains(NAME),
          "template must contain %s and %s, was '%s'",
          PROMPT,
          NAME,
          template);
    }
    name = name.strip();
    templates = List.copyOf(templates);
  }

  @Override
  public ConceptKind kind() {
    return ConceptKind.STYLE;
  }

  @Override
  public String targetPrompt(String anchorPrompt, String anchor, RandomGenerator random) {
    return fill(templates.get(random.nextInt(templates.size())), anchorPrompt);
  }

  @Override
  public List<String> targetPrompts(String anchorPrompt, String anchor) {
    return templates.stream().distinct().map(template -> fill(template, anchorPrompt)).toList();
  }

  private String fill(String template, String anchorPrompt) {
    // Split at the prompt's place, so that a prompt that contains "{name}" stays as it is.
    int at = template.indexOf(PROMPT);
    return template.substring(0, at).replace(NAME, name)
        + anchorPrompt.strip()
        + template.substring(at + PROMPT.length()).replace(NAME, name);
  }

  @Override
  public String toString() {
    return "style '" + name + "'";
  }
}
