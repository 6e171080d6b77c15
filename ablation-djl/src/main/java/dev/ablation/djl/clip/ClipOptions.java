package dev.ablation.djl.clip;

import ai.djl.Device;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * How a CLIP model is opened. Every method returns a changed copy.
 *
 * @param device where the model runs; {@code null} takes the first GPU if the engine sees one, else
 *     the CPU
 * @param threads that one operation may use on the CPU, for the whole JVM; 0 leaves the engine's
 *     choice
 * @param tokenizer folder of the tokenizer's files; {@code null} takes the model's folder
 * @param variant of the weight files, such as {@code "fp16"}; {@code null} takes the plain files,
 *     or the only variant that exists
 */
public record ClipOptions(
    @Nullable Device device, int threads, @Nullable Path tokenizer, @Nullable String variant) {

  /** Checks threads and variant. */
  public ClipOptions {
    if (threads < 0) {
      throw new IllegalArgumentException("threads must not be negative, was " + threads);
    }
    if (variant != null && variant.isBlank()) {
      throw new IllegalArgumentException("variant must not be blank; leave it out instead");
    }
  }

  /** {@return the defaults: best device, the engine's threads, the folder's tokenizer} */
  public static ClipOptions defaults() {
    return new ClipOptions(null, 0, null, null);
  }

  /**
   * Chooses the device.
   *
   * @param device such as {@code Device.cpu()}
   * @return a changed copy
   */
  public ClipOptions device(Device device) {
    return new ClipOptions(device, threads, tokenizer, variant);
  }

  /**
   * Chooses the number of threads of one operation on the CPU.
   *
   * @param threads not negative; 0 leaves the engine's choice
   * @return a changed copy
   */
  public ClipOptions threads(int threads) {
    return new ClipOptions(device, threads, tokenizer, variant);
  }

  /**
   * Chooses the tokenizer.
   *
   * @param tokenizer folder of its files, such as a pipeline's {@code tokenizer}
   * @return a changed copy
   */
  public ClipOptions tokenizer(Path tokenizer) {
    return new ClipOptions(device, threads, tokenizer, variant);
  }

  /**
   * Chooses the variant of the weight files.
   *
   * @param variant such as {@code "fp16"}
   * @return a changed copy
   */
  public ClipOptions variant(String variant) {
    return new ClipOptions(device, threads, tokenizer, variant);
  }
}
