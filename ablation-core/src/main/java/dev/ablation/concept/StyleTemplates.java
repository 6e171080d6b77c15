package dev.ablation.concept;

import com.google.common.base.Preconditions;
import java.util.List;

/**
 * The templates of a style's target prompts, with a name that provenance records.
 *
 * {@snippet class="dev.ablation.Snippets" region="style-templates"}
 *
 * @param name the name, such as {@code "paper"}
 * @param forms the templates, each with the placeholders {@code {prompt}} and {@code {name}}; one
 *     that is listed twice is used twice as often
 */
public record StyleTemplates(String name, List<String> forms) {

  /** Checks that the name is not blank and that every template has both placeholders. */
  public StyleTemplates {
    Preconditions.checkArgument(!name.isBlank(), "name of templates must not be blank");
    forms = Templates.checked(forms);
  }

  /**
   * {@return the templates of the reference implementation for diffusers; the second is used twice
   * as often because that implementation lists it twice}
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
   * {@return the six templates of the paper's own implementation, three of which repeat the name}
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

  /** {@return the name, followed by the templates unless they are published ones} */
  @Override
  public String toString() {
    return equals(diffusers()) || equals(paper()) ? name : name + forms;
  }
}
