package dev.ablation.attack;

import java.awt.image.BufferedImage;
import java.util.List;

/**
 * An image and prompts that describe it.
 *
 * @param image of the model's size
 * @param prompts at least one, drawn from at random
 */
record DescribedImage(BufferedImage image, List<String> prompts) {
  DescribedImage {
    prompts = List.copyOf(prompts);
  }
}
