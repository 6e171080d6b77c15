package dev.ablation.djl.metric;

import ai.djl.Device;
import dev.ablation.image.ImageTransform;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * How a TorchScript file is fed. Every method returns a changed copy.
 *
 * @param name of the extractor in results, such as {@code "sscd"}
 * @param transform from images to the module's input
 * @param flags further arguments of the module's {@code forward} after the images
 * @param dimension how many features it must give; 0 accepts any number
 * @param trialSize width and height of the images on which the module is tried out when it is
 *     loaded, positive; matters only to modules that accept certain sizes alone
 * @param device where the module runs; {@code null} takes the first GPU if the engine sees one,
 *     else the CPU
 */
public record TorchScriptSettings(
    String name,
    ImageTransform transform,
    List<Boolean> flags,
    int dimension,
    int trialSize,
    @Nullable Device device) {

  /** Checks name and size. */
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
   * Settings of a module whose only argument is the images, on the best device.
   *
   * @param name of the extractor in results
   * @param transform from images to the module's input
   */
  public TorchScriptSettings(String name, ImageTransform transform) {
    this(name, transform, List.of(), 0, 256, null);
  }

  /**
   * SSCD's published files, such as {@code sscd_imagenet_mixup.torchscript.pt}, as the reference
   * uses them: shorter side 288, no crop; 512 features (Pizzi et al. 2022, arXiv 2202.10261).
   *
   * @return the settings
   */
  public static TorchScriptSettings sscd() {
    return new TorchScriptSettings("sscd", ImageTransform.imageNet(288), List.of(), 512, 256, null);
  }

  /**
   * The Inception of published FID and KID values, {@code inception-2015-12-05.pt}, fed as
   * clean-fid feeds it; its second argument asks for the 2048 features.
   *
   * @return the settings
   */
  public static TorchScriptSettings inception() {
    return new TorchScriptSettings(
        "inception clean-fid", ImageTransform.cleanFid(), List.of(true), 2048, 256, null);
  }

  /**
   * Adds further arguments after the images.
   *
   * @param flags in the order of the module's parameters
   * @return a changed copy
   */
  public TorchScriptSettings flags(Boolean... flags) {
    return new TorchScriptSettings(name, transform, List.of(flags), dimension, trialSize, device);
  }

  /**
   * Chooses the device.
   *
   * @param device such as {@code Device.cpu()}
   * @return a changed copy
   */
  public TorchScriptSettings device(Device device) {
    return new TorchScriptSettings(name, transform, flags, dimension, trialSize, device);
  }

  /**
   * Chooses the size of the images for the trial at loading.
   *
   * @param size width and height, positive
   * @return a changed copy
   */
  public TorchScriptSettings trialSize(int size) {
    return new TorchScriptSettings(name, transform, flags, dimension, size, device);
  }
}
