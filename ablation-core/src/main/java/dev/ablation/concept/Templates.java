package dev.ablation.concept;

import com.google.common.base.Preconditions;
import java.util.List;

/** Templates of a target prompt, with the placeholders {@code {prompt}} and {@code {name}}. */
final class Templates {
  private static final String PROMPT = "{prompt}";
  private static final String NAME = "{name}";

  private Templates() {}

  static List<String> checked(List<String> templates) {
    Preconditions.checkArgument(!templates.isEmpty(), "templates must not be empty");
    for (String template : templates) {
      Preconditions.checkArgument(
          template.contains(PROMPT) && template.contains(NAME),
          "template must contain %s and %s, was '%s'",
          PROMPT,
          NAME,
          template);
    }
    return List.copyOf(templates);
  }

  static String fill(String template, String name, String prompt) {
    // Split at the prompt's place, so that "{name}" within a prompt stays.
    int at = template.indexOf(PROMPT);
    return template.substring(0, at).replace(NAME, name)
        + prompt.strip()
        + template.substring(at + PROMPT.length()).replace(NAME, name);
  }
}
