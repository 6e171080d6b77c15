package dev.ablation.djl.metric;

import ai.djl.Device;
import dev.ablation.image.ImageTransform;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Settings of a {@link TorchScriptExtractor}.
 *
 * @param name name of the extractor in results, such as {@code "sscd"}
 * @param transform converts images to the module's input
 * @param flags further arguments of the module's {@code forward} after the images
 * @param dimension required number of features; 0 to accept any number
 * @param trialSize width and height of the test images on loading, positive; relevant only to
 *     modules that accept only certain sizes
 * @param device device of the module; {@code null} for the first GPU that the engine finds or,
 *     without one, the CPU
 */
public record TorchScriptSettings(
    String name,
    ImageTransform transform,
    List<Boolean> flags,
    int dimension,
    int trialSize,
    @Nullable Device device) {

  /** Checks the name and the ranges. */
  public TorchScriptSettings {
    Objects.requireNonNull(transform, "transform");
    if (name.isBlank()) {
      throw new IllegalArgumentException("name must not be blank");
    }
    flags = List.copyOf(flags);
    if (dimension < 0) {
      throw new IllegalArgumentException("dimension must not be negative, was " + dimension);
    }
    if (trialSize < 1) {
      throw new IllegalArgumentException("trialSize must be positive, was " + trialSize);
    }
  }

  /**
   * Creates settings for a module whose only argument is the images, on the best device.
   *
   * @param name name of the extractor in results
   * @param transform converts images to the module's input
   */
  public TorchScriptSettings(String name, ImageTransform transform) {
    this(name, transform, List.of(), 0, 256, null);
  }

  /**
   * Returns settings for SSCD's published files, such as {@code
   * sscd_imagenet_mixup.torchscript.pt}, as in the reference implementation: shorter side 288, no
   * crop; 512 features (Pizzi et al. 2022, arXiv 2202.10261).
   *
   * @return the settings
   */
  public static TorchScriptSettings sscd() {
    return new TorchScriptSettings("sscd", ImageTransform.imageNet(288), List.of(), 512, 256, null);
  }

  /**
   * Returns settings for the Inception network of published FID and KID values, {@code
   * inception-2015-12-05.pt}, with the preprocessing of clean-fid. Its second argument selects the
   * 2048 features.
   *
   * @return the settings
   */
  public static TorchScriptSettings inception() {
    return new TorchScriptSettings(
        "inception clean-fid", ImageTransform.cleanFid(), List.of(true), 2048, 256, null);
  }

  /**
   * Sets further arguments after the images.
   *
   * @param flags the arguments, in the order of the module's parameters
   * @return a copy with the given arguments
   */
  public TorchScriptSettings flags(Boolean... flags) {
    return new TorchScriptSettings(name, transform, List.of(flags), dimension, trialSize, device);
  }

  /**
   * Sets the device.
   *
   * @param device the device, such as {@code Device.cpu()}
   * @return a copy with the given device
   */
  public TorchScriptSettings device(Device device) {
    return new TorchScriptSettings(name, transform, flags, dimension, trialSize, device);
  }

  /**
   * Sets the size of the test images on loading.
   *
   * @param size width and height, positive
   * @return a copy with the given size
   */
  public TorchScriptSettings trialSize(int size) {
    return new TorchScriptSettings(name, transform, flags, dimension, size, device);
  }
}
