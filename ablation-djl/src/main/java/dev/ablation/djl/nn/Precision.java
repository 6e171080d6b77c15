package dev.ablation.djl.nn;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import dev.ablation.djl.internal.kernel.DeviceDtypes;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.internal.kernel.Kernels;
import org.jspecify.annotations.Nullable;

/**
 * The number format in which a network computes, whatever its weights are stored in. Latents,
 * conditioning, predictions, losses, trained weights and their gradients are float32 in any case.
 */
public enum Precision {
  /** float32 throughout. */
  FLOAT32("float32", null),

  /**
   * Factors and products in bfloat16, everything else and all that leaves a layer in float32, with
   * some noise in the gradients (Kalamkar et al. 2019, arXiv 1905.12322). On processors with
   * instructions for it from 1.5 times as fast to 1.7 times as slow as float32: measure it.
   */
  BF16_MATMUL("float32 with products in bfloat16", null),

  /**
   * Activations in bfloat16, normalisations and softmax in float32: half the memory of activations,
   * and no copy of weights that are stored in bfloat16. The range is that of float32.
   */
  BFLOAT16("bfloat16", Kernels.ROUND_TO_BFLOAT16),

  /**
   * Activations in float16, normalisations and softmax in float32. More exact than {@link
   * #BFLOAT16}, but numbers from 65,520 on overflow: that is an error that names the layer ({@link
   * HalfPrecisionException}). Losses are scaled before gradients are taken.
   */
  FLOAT16("float16", Kernels.TO_FLOAT16);

  private final String dtype;
  private final @Nullable Kernel narrow;

  Precision(String dtype, @Nullable Kernel narrow) {
    this.dtype = dtype;
    this.narrow = narrow;
  }

  /** {@return the format in words, as provenance has it} */
  public String dtype() {
    return dtype;
  }

  /** {@return whether activations have 16 bits} */
  public boolean isHalf() {
    return narrow != null;
  }

  /**
   * Returns whether a device has instructions for the format. Models are not loaded on others.
   *
   * @param device such as {@code Device.cpu()}
   * @return whether it has them, or does not tell
   */
  public boolean isSupportedBy(Device device) {
    return DeviceDtypes.lack(dtype, device).isEmpty();
  }

  /**
   * Refuses a device that has no instructions for the format.
   *
   * @param device the device
   * @throws IllegalArgumentException naming the format, the device and what it lacks
   */
  public void check(Device device) {
    DeviceDtypes.lack(dtype, device)
        .ifPresent(lack -> {
          throw new IllegalArgumentException(
              "LoadOptions.precision must be one that device %s computes in: %s; use FLOAT32, with"
                      .formatted(device, lack)
                  + " LoadOptions.weightDtype to keep weights in 16 bits");
        });
  }

  /** The array itself, or a copy in half precision. */
  NDArray narrowed(NDArray x) {
    return narrow == null ? x : narrow.call(x);
  }

  @Override
  public String toString() {
    return dtype;
  }
}
