package dev.ablation.evaluation;

import java.awt.image.BufferedImage;
import java.util.Objects;

/**
 * Two images of one prompt and one seed: before and after.
 *
 * @param prompt that both were drawn for
 * @param seed of both
 * @param base drawn by the base model
 * @param ablated drawn by the ablated model
 */
public record ImagePair(String prompt, long seed, BufferedImage base, BufferedImage ablated) {

  /** Checks that nothing is null. */
  public ImagePair {
    Objects.requireNonNull(prompt, "prompt");
    Objects.requireNonNull(base, "base");
    Objects.requireNonNull(ablated, "ablated");
  }
}
