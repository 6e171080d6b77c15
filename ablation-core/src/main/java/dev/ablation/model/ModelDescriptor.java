package dev.ablation.model;

import ai.djl.Device;
import com.google.common.base.Preconditions;
import java.util.Objects;

/**
 * What is fixed about a model.
 *
 * @param name a name for logs and provenance, such as the checkpoint folder's
 * @param latentChannels C of the latent shape {@code (C, H, W)}
 * @param latentHeight H that the model was trained for; a network may take others
 * @param latentWidth W that the model was trained for
 * @param contextLength T, the number of text positions, start and end token included
 * @param textWidth D, the width of a text embedding
 * @param device where the weights lie
 */
public record ModelDescriptor(
    String name,
    int latentChannels,
    int latentHeight,
    int latentWidth,
    int contextLength,
    int textWidth,
    Device device) {

  /** Checks that the name is not blank and that every size is positive. */
  public ModelDescriptor {
    Preconditions.checkArgument(!name.isBlank(), "name must not be blank");
    positive("latentChannels", latentChannels);
    positive("latentHeight", latentHeight);
    positive("latentWidth", latentWidth);
    positive("contextLength", contextLength);
    positive("textWidth", textWidth);
    Objects.requireNonNull(device, "device");
  }

  private static void positive(String name, int value) {
    Preconditions.checkArgument(value > 0, "%s must be positive, was %s", name, value);
  }
}
