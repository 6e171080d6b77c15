package dev.ablation.evaluation;

import com.google.common.base.Preconditions;
import dev.ablation.metric.Bootstrap;
import dev.ablation.sample.Sampler;
import dev.ablation.sample.SamplingSettings;
import java.util.Objects;

/**
 * The numbers of an evaluation: how many images to generate for which subject, and how. Values of a
 * metric are comparable only if all of these are equal, so every result contains them.
 *
 * {@snippet class="dev.ablation.EvaluationSnippets" region="protocol"}
 *
 * @param targetImages number of images of a target with each of the two models, positive
 * @param anchorImages number of images of an anchor, positive
 * @param neighbourImages number of images of a neighbour, positive
 * @param unrelatedImages number of images of each set of unrelated prompts, positive
 * @param prompts maximum number of derived prompts of a subject, positive; uses the first anchor
 *     prompts; given prompts are all used
 * @param sampling settings for generating images, including the batch size
 * @param seed image i of every subject has {@code seed + i}, with both models
 * @param shown number of image pairs of a subject in the result, not negative
 * @param bootstrap settings of the confidence intervals
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

  /** Checks the ranges. */
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
   * {@return the paper's settings (Kumari et al. 2023, and its evaluation code): 200 images for
   * target and anchor, 50 for a neighbour, 10 prompts; DDIM with eta 1, 50 steps, guidance 6, batch
   * size 10; seed 42. The paper has no unrelated prompts; here they have 200 images. 8 pairs are
   * shown; confidence intervals have level 95 % and 1,000 resamples}
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
   * Changes the numbers of images.
   *
   * @param target images of a target, positive
   * @param anchor images of an anchor, positive
   * @param neighbour images of a neighbour, positive
   * @param unrelated images of each set of unrelated prompts, positive
   * @return a copy with the given numbers
   */
  public Protocol images(int target, int anchor, int neighbour, int unrelated) {
    return new Protocol(
        target, anchor, neighbour, unrelated, prompts, sampling, seed, shown, bootstrap);
  }

  /**
   * Changes the maximum number of derived prompts.
   *
   * @param prompts maximum number of prompts of a subject, positive
   * @return a copy with the given maximum
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
   * Changes how images are generated.
   *
   * @param sampling sampler, steps, guidance, negative prompt, batch size
   * @return a copy with the given sampling settings
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
   * Changes the seed.
   *
   * @param seed seed of the first image of every subject
   * @return a copy with the given seed
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
   * Changes how many image pairs the result contains.
   *
   * @param shown number of pairs of each subject, not negative
   * @return a copy with the given number
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
   * Changes how confidence intervals are computed.
   *
   * @param bootstrap settings of the confidence intervals
   * @return a copy with the given bootstrap settings
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
   * Returns the number of images of a subject.
   *
   * @param role role of the subject
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
