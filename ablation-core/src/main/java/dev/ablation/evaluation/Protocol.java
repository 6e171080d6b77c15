package dev.ablation.evaluation;

import com.google.common.base.Preconditions;
import dev.ablation.sample.Sampler;
import dev.ablation.sample.SamplingSettings;
import java.util.Objects;

/**
 * How many pictures an evaluation draws, and how. Picture i of a subject is drawn from the seed
 * {@code seed + i}, by the base model and by the ablated one.
 *
 * @param targetPictures of each target, positive
 * @param anchorPictures of each anchor, positive
 * @param neighbourPictures of each neighbour, positive
 * @param unrelatedPictures of each set of unrelated prompts, positive
 * @param sampling sampler, steps, guidance, batch size
 * @param seed of the first picture
 */
public record Protocol(
    int targetPictures,
    int anchorPictures,
    int neighbourPictures,
    int unrelatedPictures,
    SamplingSettings sampling,
    long seed) {

  /** Checks the numbers. */
  public Protocol {
    check("targetPictures", targetPictures);
    check("anchorPictures", anchorPictures);
    check("neighbourPictures", neighbourPictures);
    check("unrelatedPictures", unrelatedPictures);
    Objects.requireNonNull(sampling, "sampling");
  }

  private static void check(String name, int value) {
    Preconditions.checkArgument(value > 0, "%s must be positive, was %s", name, value);
  }

  /**
   * The paper's numbers: 200 pictures of the target and of the anchor, 50 of each neighbour, DDIM
   * with 50 steps and eta 1, guidance 6, batches of 10, seed 42 (Kumari et al. 2023, appendix; the
   * published evaluation script). The script draws all pictures of a subject from one generator;
   * here each has a seed of its own. The paper has no unrelated prompts: 200 pictures.
   *
   * @return the protocol
   */
  public static Protocol paper() {
    return new Protocol(
        200, 200, 50, 200, new SamplingSettings(Sampler.ddim(1), 50, 6, "", 10), 42);
  }

  /**
   * Changes how pictures are drawn.
   *
   * @param sampling sampler, steps, guidance, batch size
   * @return a changed copy
   */
  public Protocol withSampling(SamplingSettings sampling) {
    return new Protocol(
        targetPictures, anchorPictures, neighbourPictures, unrelatedPictures, sampling, seed);
  }

  /**
   * Changes how many pictures are drawn.
   *
   * @param target of each target
   * @param anchor of each anchor
   * @param neighbour of each neighbour
   * @param unrelated of each set of unrelated prompts
   * @return a changed copy
   */
  public Protocol withPictures(int target, int anchor, int neighbour, int unrelated) {
    return new Protocol(target, anchor, neighbour, unrelated, sampling, seed);
  }

  /**
   * Changes the seed.
   *
   * @param seed of the first picture
   * @return a changed copy
   */
  public Protocol withSeed(long seed) {
    return new Protocol(
        targetPictures, anchorPictures, neighbourPictures, unrelatedPictures, sampling, seed);
  }

  /**
   * Returns how many pictures of a subject are drawn.
   *
   * @param role of the subject
   * @return the number
   */
  public int pictures(Role role) {
    return switch (role) {
      case TARGET -> targetPictures;
      case ANCHOR -> anchorPictures;
      case NEIGHBOUR -> neighbourPictures;
      case UNRELATED -> unrelatedPictures;
    };
  }
}
