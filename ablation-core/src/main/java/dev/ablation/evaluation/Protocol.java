package dev.ablation.evaluation;

import com.google.common.base.Preconditions;
import dev.ablation.metric.Bootstrap;
import dev.ablation.sample.Sampler;
import dev.ablation.sample.SamplingSettings;
import java.util.Objects;

/**
 * The numbers of an evaluation: how many images are drawn of what, and how. Two values of a metric
 * can be compared only if all of them are equal, so all of them stand in the result.
 *
 * {@snippet class="dev.ablation.EvaluationSnippets" region="protocol"}
 *
 * @param targetImages images of a target, by each of the two models, positive
 * @param anchorImages images of an anchor, positive
 * @param neighbourImages images of a neighbour, positive
 * @param unrelatedImages images of each set of unrelated prompts, positive
 * @param prompts most prompts of a subject where they are derived from anchor prompts, the first
 *     ones, positive; prompts that are given are all used
 * @param sampling how images are drawn, the batch size included
 * @param seed image i of every subject is drawn from {@code seed + i}, by both models
 * @param shown how many pairs of images of a subject the result keeps, not negative
 * @param bootstrap how confidence intervals are computed
 */
public record Protocol(
    int targetImages,
    int anchorImages,
    int neighbourImages,
    int unrelatedImages,
    int prompts,
    SamplingSettings sampling,
    long seed,
    int shown,
    Bootstrap bootstrap) {
  private static final int PAPER_IMAGES = 200;
  private static final int PAPER_NEIGHBOUR_IMAGES = 50;

  /** Checks the numbers. */
  public Protocol {
    positive("targetImages", targetImages);
    positive("anchorImages", anchorImages);
    positive("neighbourImages", neighbourImages);
    positive("unrelatedImages", unrelatedImages);
    positive("prompts", prompts);
    Objects.requireNonNull(sampling, "sampling");
    Preconditions.checkArgument(shown >= 0, "shown must not be negative, was %s", shown);
    Objects.requireNonNull(bootstrap, "bootstrap");
  }

  private static void positive(String name, int value) {
    Preconditions.checkArgument(value > 0, "%s must be positive, was %s", name, value);
  }

  /**
   * {@return the paper's numbers (Kumari et al. 2023, and its evaluation code): 200 images for
   * target and anchor, 50 for a neighbour, 10 prompts; DDIM with eta 1, 50 steps, guidance 6, ten
   * at a time; seed 42. The paper has no unrelated prompts: 200 images. 8 pairs are shown; 95 %
   * intervals of 1,000 resamples}
   */
  public static Protocol paper() {
    return new Protocol(
        PAPER_IMAGES,
        PAPER_IMAGES,
        PAPER_NEIGHBOUR_IMAGES,
        PAPER_IMAGES,
        10,
        new SamplingSettings(Sampler.ddim(1), 50, 6, "", 10),
        42,
        8,
        Bootstrap.defaults());
  }

  /**
   * Returns a variant with other numbers of images.
   *
   * @param target of a target, positive
   * @param anchor of an anchor, positive
   * @param neighbour of a neighbour, positive
   * @param unrelated of each set of unrelated prompts, positive
   * @return the variant
   */
  public Protocol images(int target, int anchor, int neighbour, int unrelated) {
    return new Protocol(
        target, anchor, neighbour, unrelated, prompts, sampling, seed, shown, bootstrap);
  }

  /**
   * Returns a variant with more or fewer derived prompts.
   *
   * @param prompts most of a subject, positive
   * @return the variant
   */
  public Protocol prompts(int prompts) {
    return new Protocol(
        targetImages,
        anchorImages,
        neighbourImages,
        unrelatedImages,
        prompts,
        sampling,
        seed,
        shown,
        bootstrap);
  }

  /**
   * Returns a variant that draws in another way.
   *
   * @param sampling sampler, steps, guidance, negative prompt, batch size
   * @return the variant
   */
  public Protocol sampling(SamplingSettings sampling) {
    return new Protocol(
        targetImages,
        anchorImages,
        neighbourImages,
        unrelatedImages,
        prompts,
        sampling,
        seed,
        shown,
        bootstrap);
  }

  /**
   * Returns a variant with another seed.
   *
   * @param seed of the first image of every subject
   * @return the variant
   */
  public Protocol seed(long seed) {
    return new Protocol(
        targetImages,
        anchorImages,
        neighbourImages,
        unrelatedImages,
        prompts,
        sampling,
        seed,
        shown,
        bootstrap);
  }

  /**
   * Returns a variant that keeps more or fewer images in the result.
   *
   * @param shown pairs of each subject, not negative
   * @return the variant
   */
  public Protocol shown(int shown) {
    return new Protocol(
        targetImages,
        anchorImages,
        neighbourImages,
        unrelatedImages,
        prompts,
        sampling,
        seed,
        shown,
        bootstrap);
  }

  /**
   * Returns a variant with other confidence intervals.
   *
   * @param bootstrap how they are computed
   * @return the variant
   */
  public Protocol bootstrap(Bootstrap bootstrap) {
    return new Protocol(
        targetImages,
        anchorImages,
        neighbourImages,
        unrelatedImages,
        prompts,
        sampling,
        seed,
        shown,
        bootstrap);
  }

  /**
   * Returns how many images of a subject are drawn.
   *
   * @param role of the subject
   * @return the number
   */
  public int images(Role role) {
    return switch (role) {
      case TARGET -> targetImages;
      case ANCHOR -> anchorImages;
      case NEIGHBOUR -> neighbourImages;
      case UNRELATED -> unrelatedImages;
    };
  }
}
