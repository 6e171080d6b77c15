package dev.ablation.concept;

import java.util.List;

/** The published forms of a style's target prompts. */
public final class StyleTemplates {
  private StyleTemplates() {}

  /**
   * {@return the forms of the reference implementation for diffusers; the second is twice as often}
   */
  public static List<String> diffusers() {
    return List.of(
        "{prompt}, in the style of {name}",
        "in {name}'s style, {prompt}",
        "in {name}'s style, {prompt}");
  }

  /**
   * {@return the six forms of the paper's own implementation, three of them with a doubled name}
   */
  public static List<String> paper() {
    return List.of(
        "{prompt}, in the style of {name} {name}",
        "{prompt}, in the style of {name}",
        "{name} {name} inspired painting, {prompt}",
        "{name} inspired painting, {prompt}",
        "in {name} {name}'s style, {prompt}",
        "in {name}'s style, {prompt}");
  }
}
