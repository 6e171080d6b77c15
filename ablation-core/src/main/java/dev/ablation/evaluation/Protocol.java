package dev.ablation.evaluation;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.metric.Bootstrap;
import dev.ablation.sample.Sampler;
import dev.ablation.sample.SamplingSettings;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The numbers of an evaluation: how many images to generate for which subject, and how. Values of a
 * metric are comparable only if all of these are equal, so every result contains them.
 *
 * {@snippet class="dev.ablation.EvaluationSnippets" region="protocol"}
 *
 * <p>Immutable: every setter returns a copy.
 */
@CheckReturnValue
public final class Protocol {
  private static final int PAPER_IMAGES = 200;
  private static final int PAPER_NEIGHBOUR_IMAGES = 50;

  private final Counts images;
  private final int prompts;
  private final SamplingSettings sampling;
  private final long seed;
  private final int shown;
  private final Bootstrap bootstrap;

  private record Counts(int target, int anchor, int neighbour, int unrelated) {}

  private Protocol(
      Counts images,
      int prompts,
      SamplingSettings sampling,
      long seed,
      int shown,
      Bootstrap bootstrap) {
    this.images = images;
    this.prompts = prompts;
    this.sampling = sampling;
    this.seed = seed;
    this.shown = shown;
    this.bootstrap = bootstrap;
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
        new Counts(PAPER_IMAGES, PAPER_IMAGES, PAPER_NEIGHBOUR_IMAGES, PAPER_IMAGES),
        10,
        new SamplingSettings(Sampler.ddim(1), 50, 6, "", 10),
        42,
        8,
        Bootstrap.defaults());
  }

  /**
   * Changes the numbers of images.
   *
   * @param target images of a target, and of each of its aliases, positive
   * @param anchor images of an anchor, positive
   * @param neighbour images of a neighbour, and of each thing in a prompt with the target, positive
   * @param unrelated images of each set of unrelated prompts, positive
   * @return a copy with the given numbers
   */
  public Protocol images(int target, int anchor, int neighbour, int unrelated) {
    positive("targetImages", target);
    positive("anchorImages", anchor);
    positive("neighbourImages", neighbour);
    positive("unrelatedImages", unrelated);
    Counts counts = new Counts(target, anchor, neighbour, unrelated);
    return new Protocol(counts, prompts, sampling, seed, shown, bootstrap);
  }

  /**
   * Changes the maximum number of derived prompts.
   *
   * @param prompts maximum number of prompts of a subject, positive
   * @return a copy with the given maximum
   */
  public Protocol prompts(int prompts) {
    positive("prompts", prompts);
    return new Protocol(images, prompts, sampling, seed, shown, bootstrap);
  }

  /**
   * Changes how images are generated.
   *
   * @param sampling sampler, steps, guidance, negative prompt, batch size
   * @return a copy with the given sampling settings
   */
  public Protocol sampling(SamplingSettings sampling) {
    Objects.requireNonNull(sampling, "sampling");
    return new Protocol(images, prompts, sampling, seed, shown, bootstrap);
  }

  /**
   * Changes the seed.
   *
   * @param seed seed of the first image of every subject
   * @return a copy with the given seed
   */
  public Protocol seed(long seed) {
    return new Protocol(images, prompts, sampling, seed, shown, bootstrap);
  }

  /**
   * Changes how many image pairs the result contains.
   *
   * @param shown number of pairs of each subject, not negative
   * @return a copy with the given number
   */
  public Protocol shown(int shown) {
    Preconditions.checkArgument(shown >= 0, "shown must not be negative, was %s", shown);
    return new Protocol(images, prompts, sampling, seed, shown, bootstrap);
  }

  /**
   * Changes how confidence intervals are computed.
   *
   * @param bootstrap settings of the confidence intervals
   * @return a copy with the given bootstrap settings
   */
  public Protocol bootstrap(Bootstrap bootstrap) {
    Objects.requireNonNull(bootstrap, "bootstrap");
    return new Protocol(images, prompts, sampling, seed, shown, bootstrap);
  }

  /** {@return how many images of a target each of the two models draws} */
  public int targetImages() {
    return images.target();
  }

  /** {@return how many images of an anchor each of the two models draws} */
  public int anchorImages() {
    return images.anchor();
  }

  /** {@return how many images of a neighbour each of the two models draws} */
  public int neighbourImages() {
    return images.neighbour();
  }

  /** {@return how many images of each set of unrelated prompts each of the two models draws} */
  public int unrelatedImages() {
    return images.unrelated();
  }

  /**
   * {@return the largest number of prompts of a subject where they are derived from anchor prompts,
   * the first ones; prompts that are given are all used}
   */
  public int prompts() {
    return prompts;
  }

  /** {@return how images are drawn, the batch size included} */
  public SamplingSettings sampling() {
    return sampling;
  }

  /** {@return the seed; image i of every subject is drawn from {@code seed + i}, by both models} */
  public long seed() {
    return seed;
  }

  /** {@return how many pairs of images of a subject the result keeps} */
  public int shown() {
    return shown;
  }

  /** {@return how confidence intervals are computed} */
  public Bootstrap bootstrap() {
    return bootstrap;
  }

  /**
   * Returns the number of images of a subject.
   *
   * @param role role of the subject
   * @return the number
   */
  public int images(Role role) {
    return switch (role) {
      case TARGET, ALIAS -> images.target();
      case ANCHOR -> images.anchor();
      case NEIGHBOUR, IN_PROMPT -> images.neighbour();
      case UNRELATED -> images.unrelated();
    };
  }

  private List<Object> values() {
    return List.of(images, prompts, sampling, seed, shown, bootstrap);
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof Protocol protocol && values().equals(protocol.values());
  }

  @Override
  public int hashCode() {
    return values().hashCode();
  }

  @Override
  public String toString() {
    return "Protocol" + values();
  }
}
