package dev.ablation.evaluation;

import java.awt.image.BufferedImage;
import java.util.Objects;

/**
 * Two images of one prompt and seed, before and after the ablation.
 *
 * @param prompt the prompt of both images
 * @param seed the seed of both images
 * @param base the base model's image
 * @param ablated the ablated model's image
 */
public record ImagePair(String prompt, long seed, BufferedImage base, BufferedImage ablated) {

  /** Checks that nothing is null. */
  public ImagePair {
    Objects.requireNonNull(prompt, "prompt");
    Objects.requireNonNull(base, "base");
    Objects.requireNonNull(ablated, "ablated");
  }
}
