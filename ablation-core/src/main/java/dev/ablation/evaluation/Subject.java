package dev.ablation.evaluation;

import com.google.common.base.Preconditions;
import java.util.List;
import java.util.Objects;

/**
 * Something that an evaluation draws and measures.
 *
 * @param role what it is to the ablation
 * @param name such as {@code "van gogh"}; texts of metrics are made of it
 * @param prompts at least one; image i is drawn for prompt {@code i mod prompts}
 * @param images how many are drawn by each model, positive
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
   * @param image its index
   * @return the prompt
   */
  public String prompt(int image) {
    return prompts.get(image % prompts.size());
  }
}
