package dev.ablation.model;

import ai.djl.Device;
import ai.djl.ndarray.types.Shape;
import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import java.util.Objects;

/** The fixed properties of a model: its name, the latents that it was trained on, its device. */
@CheckReturnValue
public final class ModelDescriptor {
  private final String name;
  private final int latentChannels;
  private final LatentSize latentSize;
  private final Device device;

  /**
   * Creates a descriptor.
   *
   * @param name a name for logs and provenance, such as the checkpoint folder's; not blank
   * @param latentChannels C of the latent shape {@code (C, H, W)}, positive
   * @param latentHeight H that the model was trained for, positive; a network may support others
   * @param latentWidth W that the model was trained for, positive
   * @param device the device of the weights
   */
  public ModelDescriptor(
      String name, int latentChannels, int latentHeight, int latentWidth, Device device) {
    Preconditions.checkArgument(!name.isBlank(), "name must not be blank");
    positive("latentChannels", latentChannels);
    positive("latentHeight", latentHeight);
    positive("latentWidth", latentWidth);
    this.name = name;
    this.latentChannels = latentChannels;
    this.latentSize = new LatentSize(latentHeight, latentWidth);
    this.device = Objects.requireNonNull(device, "device");
  }

  private static void positive(String name, int value) {
    Preconditions.checkArgument(value > 0, "%s must be positive, was %s", name, value);
  }

  /** {@return a name for logs and provenance} */
  public String name() {
    return name;
  }

  /** {@return C of the latent shape {@code (C, H, W)}} */
  public int latentChannels() {
    return latentChannels;
  }

  /** {@return H that the model was trained for; a network may support others} */
  public int latentHeight() {
    return latentSize.height();
  }

  /** {@return W that the model was trained for; a network may support others} */
  public int latentWidth() {
    return latentSize.width();
  }

  /** {@return the latent size that the model was trained for} */
  public LatentSize latentSize() {
    return latentSize;
  }

  /**
   * {@return the shape of one image's latents, {@code (C, H, W)}, of the size that the model was
   * trained for}
   */
  public Shape latentShape() {
    return new Shape(latentChannels, latentSize.height(), latentSize.width());
  }

  /** {@return the device of the weights} */
  public Device device() {
    return device;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof ModelDescriptor descriptor
        && name.equals(descriptor.name)
        && latentChannels == descriptor.latentChannels
        && latentSize.equals(descriptor.latentSize)
        && device.equals(descriptor.device);
  }

  @Override
  public int hashCode() {
    return Objects.hash(name, latentChannels, latentSize, device);
  }

  @Override
  public String toString() {
    return "%s with latents %s on %s".formatted(name, latentShape(), device);
  }
}
