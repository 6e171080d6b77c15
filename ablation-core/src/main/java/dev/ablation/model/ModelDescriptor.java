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
  private final String precision;

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
    this(name, latentChannels, size(latentHeight, latentWidth), device, "float32");
  }

  private ModelDescriptor(
      String name, int latentChannels, LatentSize latentSize, Device device, String precision) {
    Preconditions.checkArgument(!name.isBlank(), "name must not be blank");
    positive("latentChannels", latentChannels);
    Preconditions.checkArgument(!precision.isBlank(), "precision must not be blank");
    this.name = name;
    this.latentChannels = latentChannels;
    this.latentSize = latentSize;
    this.device = Objects.requireNonNull(device, "device");
    this.precision = precision;
  }

  private static LatentSize size(int height, int width) {
    positive("latentHeight", height);
    positive("latentWidth", width);
    return new LatentSize(height, width);
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

  /** {@return the number format in which the networks compute, such as {@code "float32"}} */
  public String precision() {
    return precision;
  }

  /**
   * Changes the number format in which the networks compute; float32 at first.
   *
   * @param precision in words, not blank
   * @return a copy with the given precision
   */
  public ModelDescriptor precision(String precision) {
    return new ModelDescriptor(name, latentChannels, latentSize, device, precision);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof ModelDescriptor descriptor
        && name.equals(descriptor.name)
        && latentChannels == descriptor.latentChannels
        && latentSize.equals(descriptor.latentSize)
        && device.equals(descriptor.device)
        && precision.equals(descriptor.precision);
  }

  @Override
  public int hashCode() {
    return Objects.hash(name, latentChannels, latentSize, device, precision);
  }

  @Override
  public String toString() {
    return "%s with latents %s on %s".formatted(name, latentShape(), device);
  }
}
