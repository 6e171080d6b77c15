package dev.ablation.djl.metric;

import ai.djl.Device;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.image.ImageTransform;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** How images are passed to a TorchScript file. Immutable: every setter returns a copy. */
@CheckReturnValue
public final class TorchScriptSettings {
  private final String name;
  private final ImageTransform transform;
  private List<Boolean> flags = List.of();
  private int dimension;
  private int trialSize = 256;
  private @Nullable Device device;

  /**
   * Settings of a module whose only argument is the images, on the best device.
   *
   * @param name of the extractor in results, such as {@code "sscd"}
   * @param transform from images to the module's input
   */
  public TorchScriptSettings(String name, ImageTransform transform) {
    if (name.isBlank()) {
      throw new IllegalArgumentException("name must not be blank");
    }
    this.name = name;
    this.transform = Objects.requireNonNull(transform, "transform");
  }

  private TorchScriptSettings(TorchScriptSettings other) {
    name = other.name;
    transform = other.transform;
    flags = other.flags;
    dimension = other.dimension;
    trialSize = other.trialSize;
    device = other.device;
  }

  /**
   * SSCD's published files, such as {@code sscd_imagenet_mixup.torchscript.pt}, as the reference
   * uses them: shorter side 288, no crop; 512 features (Pizzi et al. 2022, arXiv 2202.10261).
   *
   * @return the settings
   */
  public static TorchScriptSettings sscd() {
    return new TorchScriptSettings("sscd", ImageTransform.imageNet(288)).dimension(512);
  }

  /**
   * The Inception of published FID and KID values, {@code inception-2015-12-05.pt}, fed as
   * clean-fid feeds it; its second argument selects the 2048 features.
   *
   * @return the settings
   */
  public static TorchScriptSettings inception() {
    return new TorchScriptSettings("inception clean-fid", ImageTransform.cleanFid())
        .flags(true)
        .dimension(2048);
  }

  /** {@return the name of the extractor in results} */
  public String name() {
    return name;
  }

  /** {@return the way from images to the module's input} */
  public ImageTransform transform() {
    return transform;
  }

  /** {@return further arguments of the module's {@code forward} after the images} */
  public List<Boolean> flags() {
    return flags;
  }

  /** {@return how many features it must give; 0 accepts any number} */
  public int dimension() {
    return dimension;
  }

  /** {@return width and height of the images on which the module is tried out when it is loaded} */
  public int trialSize() {
    return trialSize;
  }

  /** {@return where the module runs; empty for the first GPU if there is one, else the CPU} */
  public Optional<Device> device() {
    return Optional.ofNullable(device);
  }

  /**
   * Adds further arguments after the images.
   *
   * @param first argument
   * @param more arguments, in the order of the module's parameters
   * @return a copy with the given values
   */
  public TorchScriptSettings flags(Boolean first, Boolean... more) {
    TorchScriptSettings copy = new TorchScriptSettings(this);
    copy.flags = Stream.concat(Stream.of(first), Stream.of(more)).toList();
    return copy;
  }

  /**
   * Says how many features the module must give.
   *
   * @param dimension not negative; 0 accepts any number
   * @return a copy with the given dimension
   */
  public TorchScriptSettings dimension(int dimension) {
    if (dimension < 0) {
      throw new IllegalArgumentException("dimension must not be negative, was " + dimension);
    }
    TorchScriptSettings copy = new TorchScriptSettings(this);
    copy.dimension = dimension;
    return copy;
  }

  /**
   * Chooses the device.
   *
   * @param device such as {@code Device.cpu()}
   * @return a copy with the given device
   */
  public TorchScriptSettings device(Device device) {
    TorchScriptSettings copy = new TorchScriptSettings(this);
    copy.device = Objects.requireNonNull(device, "device");
    return copy;
  }

  /**
   * Chooses the size of the images on which the module is tried out when it is loaded; it matters
   * only to modules that accept certain sizes alone.
   *
   * @param size width and height, positive
   * @return a copy with the given size
   */
  public TorchScriptSettings trialSize(int size) {
    if (size < 1) {
      throw new IllegalArgumentException("trialSize must be positive, was " + size);
    }
    TorchScriptSettings copy = new TorchScriptSettings(this);
    copy.trialSize = size;
    return copy;
  }
}
