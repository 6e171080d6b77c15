package dev.ablation.attack;

import com.google.common.base.Preconditions;
import java.awt.image.BufferedImage;
import java.util.List;
import java.util.Objects;

/**
 * An image of the target with prompts that describe everything else in it. A learned word can only
 * come to mean the target where the rest of the prompt is true: with prompts of other images it
 * would have to undo them.
 *
 * @param image of the model's size
 * @param prompts at least one, each with {@code {}} for what is learned, such as {@code "an owl in
 *     {} style"}
 */
public record InversionExample(BufferedImage image, List<String> prompts) {
  /** Stands for what is learned. */
  public static final String SLOT = "{}";

  /** Copies the prompts and checks that each has the slot. */
  public InversionExample {
    Objects.requireNonNull(image, "image");
    prompts = List.copyOf(prompts);
    checkPrompts("prompts", prompts);
  }

  static void checkPrompts(String name, List<String> prompts) {
    Preconditions.checkArgument(!prompts.isEmpty(), "%s must not be empty", name);
    for (String prompt : prompts) {
      Preconditions.checkArgument(
          prompt.contains(SLOT), "%s must have %s, one was '%s'", name, SLOT, prompt);
    }
  }

  static String filled(String prompt, String words) {
    return prompt.replace(SLOT, words);
  }

  /** Fills the slots. */
  DescribedImage with(String words) {
    return new DescribedImage(
        image, prompts.stream().map(prompt -> filled(prompt, words)).toList());
  }
}
