package dev.ablation.memory;

import java.util.Locale;
import java.util.stream.Stream;

/** Whether a failure of the engine means that the memory of the device, or of the host, is full. */
public final class OutOfMemory {
  private OutOfMemory() {}

  /**
   * Returns whether an operation failed since there was too little memory. The engine tells it in
   * the message alone.
   *
   * @param failure what was thrown
   * @return whether it, or a cause of it, says so
   */
  public static boolean isCauseOf(Throwable failure) {
    return Stream.iterate(failure, each -> each != null, Throwable::getCause)
        .limit(20) // causes may form a circle
        .map(each -> String.valueOf(each.getMessage()).toLowerCase(Locale.ROOT))
        .anyMatch(message ->
            message.contains("out of memory")
                || message.contains("can't allocate memory")
                || message.contains("not enough memory"));
  }

  /**
   * Returns an exception that says what to change.
   *
   * @param work what failed, such as "a training step"
   * @param failure the engine's
   * @return the exception
   */
  public static IllegalStateException explained(String work, RuntimeException failure) {
    return new IllegalStateException(
        ("out of memory at %s. What needs less: a smaller batch (with accumulation for the same"
                + " step), gradient checkpointing, half precision, weights in their stored dtype,"
                + " text encoders on the host, images in slices and tiles, smaller images")
            .formatted(work),
        failure);
  }
}
