package dev.ablation.djl;

import ai.djl.Device;
import dev.ablation.djl.nn.Precision;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * How a checkpoint is opened. Every method returns a changed copy.
 *
 * {@snippet class="dev.ablation.djl.Snippets" region="options"}
 *
 * @param device where the networks run; {@code null} takes the first GPU if the engine sees one,
 *     else the CPU
 * @param threads that one operation may use on the CPU, for the whole JVM; 0 leaves the engine's
 *     choice
 * @param variant of the weight files, such as {@code "fp16"}; {@code null} takes the plain files,
 *     or the only variant that exists
 * @param precision of the products of UNet and autoencoder
 */
public record StableDiffusionOptions(
    @Nullable Device device, int threads, @Nullable String variant, Precision precision) {

  /** Checks the number of threads. */
  public StableDiffusionOptions {
    Objects.requireNonNull(precision, "precision");
    if (threads < 0) {
      throw new IllegalArgumentException("threads must not be negative, was " + threads);
    }
    if (variant != null && variant.isBlank()) {
      throw new IllegalArgumentException("variant must not be blank; leave it out instead");
    }
  }

  /** {@return the defaults: best device, the engine's threads, plain files, float32} */
  public static StableDiffusionOptions defaults() {
    return new StableDiffusionOptions(null, 0, null, Precision.FLOAT32);
  }

  /**
   * Chooses the device.
   *
   * @param device such as {@code Device.cpu()} or {@code Device.gpu(1)}
   * @return a changed copy
   */
  public StableDiffusionOptions device(Device device) {
    return new StableDiffusionOptions(device, threads, variant, precision);
  }

  /**
   * Chooses the number of threads of one operation on the CPU.
   *
   * @param threads not negative; 0 leaves the engine's choice
   * @return a changed copy
   */
  public StableDiffusionOptions threads(int threads) {
    return new StableDiffusionOptions(device, threads, variant, precision);
  }

  /**
   * Chooses the variant of the weight files.
   *
   * @param variant such as {@code "fp16"}
   * @return a changed copy
   */
  public StableDiffusionOptions variant(String variant) {
    return new StableDiffusionOptions(device, threads, variant, precision);
  }

  /**
   * Chooses the precision of products. {@link Precision#BF16_MATMUL} draws faster on processors
   * with instructions for it, and differently in details: results no longer equal the Python
   * original's to the digits.
   *
   * @param precision of the products of UNet and autoencoder; the text encoder's stay float32
   * @return a changed copy
   */
  public StableDiffusionOptions precision(Precision precision) {
    return new StableDiffusionOptions(device, threads, variant, precision);
  }
}
