package dev.ablation.evaluation;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import java.util.List;
import java.util.Objects;

/**
 * Something that an evaluation generates images of and measures.
 *
 * @param role the subject's relation to the ablation
 * @param name the subject's name, such as {@code "van gogh"}, which metrics put into their texts
 * @param prompts at least one; image i shows prompt {@code i mod prompts}
 * @param images number of images with each model, positive
 * @param concept name of the concept that is looked for in the images: the subject's name, but of
 *     an alias and of a prompt with something else the target's
 * @param rests what each prompt names beside the target, such as the anchor prompt that it was
 *     derived from; as many as prompts, or none if that is not known
 */
@CheckReturnValue
public record Subject(
    Role role, String name, List<String> prompts, int images, String concept, List<String> rests) {

  /** Copies the lists and checks the values. */
  public Subject {
    Objects.requireNonNull(role, "role");
    prompts = List.copyOf(prompts);
    rests = List.copyOf(rests);
    Preconditions.checkArgument(!name.isBlank(), "name of a subject must not be blank");
    Preconditions.checkArgument(!concept.isBlank(), "concept of %s must not be blank", name);
    Preconditions.checkArgument(!prompts.isEmpty(), "prompts of %s must not be empty", name);
    Preconditions.checkArgument(images > 0, "images of %s must be positive, was %s", name, images);
    Preconditions.checkArgument(
        rests.isEmpty() || rests.size() == prompts.size(),
        "rests of %s must be as many as its %s prompts, or none, were %s",
        name,
        prompts.size(),
        rests.size());
  }

  /**
   * Creates a subject whose images show what it is named after.
   *
   * @param role the subject's relation to the ablation
   * @param name the subject's name
   * @param prompts at least one
   * @param images number of images with each model, positive
   */
  public Subject(Role role, String name, List<String> prompts, int images) {
    this(role, name, prompts, images, name, List.of());
  }

  /**
   * Changes what the prompts name beside the target.
   *
   * @param rests as many as prompts, or none
   * @return a copy with the given rests
   */
  public Subject rests(List<String> rests) {
    return new Subject(role, name, prompts, images, concept, rests);
  }

  /**
   * Returns what the prompt of an image names beside the target.
   *
   * @param image index of the image
   * @return the rest of its prompt
   * @throws IllegalStateException if that is not known
   */
  public String rest(int image) {
    Preconditions.checkState(!rests.isEmpty(), "the rests of %s's prompts are not known", name);
    return rests.get(image % rests.size());
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
