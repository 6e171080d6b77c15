package dev.ablation.concept;

import com.google.common.base.Preconditions;
import java.util.List;

/**
 * The forms that a style's target prompts take, under a name that provenance keeps.
 *
 * {@snippet class="dev.ablation.Snippets" region="style-templates"}
 *
 * @param name such as {@code "paper"}
 * @param forms each with the placeholders {@code {prompt}} and {@code {name}}; one that stands
 *     twice is drawn twice as often
 */
public record StyleTemplates(String name, List<String> forms) {

  /** Checks that the name is not blank and that every form has both placeholders. */
  public StyleTemplates {
    Preconditions.checkArgument(!name.isBlank(), "name of templates must not be blank");
    forms = Templates.checked(forms);
  }

  /**
   * {@return the forms of the reference implementation for diffusers; the second is twice as often,
   * since a third one was lost there}
   */
  public static StyleTemplates diffusers() {
    return new StyleTemplates(
        "diffusers",
        List.of(
            "{prompt}, in the style of {name}",
            "in {name}'s style, {prompt}",
            "in {name}'s style, {prompt}"));
  }

  /**
   * {@return the six forms of the paper's own implementation, three of them with a doubled name}
   */
  public static StyleTemplates paper() {
    return new StyleTemplates(
        "paper",
        List.of(
            "{prompt}, in the style of {name} {name}",
            "{prompt}, in the style of {name}",
            "{name} {name} inspired painting, {prompt}",
            "{name} inspired painting, {prompt}",
            "in {name} {name}'s style, {prompt}",
            "in {name}'s style, {prompt}"));
  }

  /** {@return the name and, unless they are published ones, the forms} */
  @Override
  public String toString() {
    return equals(diffusers()) || equals(paper()) ? name : name + forms;
  }
}
