package dev.ablation.attack;

import com.google.common.base.Preconditions;
import java.awt.image.BufferedImage;
import java.util.List;
import java.util.Objects;

/**
 * An image and prompts that describe it.
 *
 * @param image of the model's size
 * @param prompts at least one, chosen from at random
 */
public record DescribedImage(BufferedImage image, List<String> prompts) {

  /** Copies the prompts. */
  public DescribedImage {
    Objects.requireNonNull(image, "image");
    prompts = List.copyOf(prompts);
    Preconditions.checkArgument(!prompts.isEmpty(), "prompts must not be empty");
  }
}
