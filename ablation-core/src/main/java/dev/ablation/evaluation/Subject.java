package dev.ablation.evaluation;

import com.google.common.base.Preconditions;
import java.util.List;
import java.util.Objects;

/**
 * Something that an evaluation generates images of and measures.
 *
 * @param role the subject's relation to the ablation
 * @param name the subject's name, such as {@code "van gogh"}, which metrics put into their texts
 * @param prompts at least one; image i shows prompt {@code i mod prompts}
 * @param images number of images with each model, positive
 */
public record Subject(Role role, String name, List<String> prompts, int images) {

  /** Copies the prompts and checks the values. */
  public Subject {
    Objects.requireNonNull(role, "role");
    prompts = List.copyOf(prompts);
    Preconditions.checkArgument(!name.isBlank(), "name of a subject must not be blank");
    Preconditions.checkArgument(!prompts.isEmpty(), "prompts of %s must not be empty", name);
    Preconditions.checkArgument(images > 0, "images of %s must be positive, was %s", name, images);
  }

  /**
   * Returns the prompt of an image.
   *
   * @param image index of the image
   * @return the prompt
   */
  public String prompt(int image) {
    return prompts.get(image % prompts.size());
  }
}
