package dev.ablation.internal;

import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;

/**
 * File access that an interrupt must not break. A channel closes itself when its thread is
 * interrupted, so a cancelled run could not write its last checkpoint.
 */
public final class Uninterrupted {

  /**
   * Reads or writes files.
   *
   * @param <T> what it returns
   */
  @FunctionalInterface
  public interface Work<T> {
    /**
     * Does the work from the start; may be called twice.
     *
     * @return the result
     * @throws IOException if a file cannot be read or written
     */
    T run() throws IOException;
  }

  private Uninterrupted() {}

  /**
   * Does some work, and repeats it if an interrupt occurs. The thread's interrupt flag stays set.
   *
   * @param work to do
   * @param <T> what it returns
   * @return the result
   * @throws IOException if the work fails for another reason than an interrupt
   */
  public static <T> T during(Work<T> work) throws IOException {
    boolean interrupted = Thread.interrupted();
    try {
      while (true) {
        try {
          return work.run();
        } catch (ClosedByInterruptException e) {
          interrupted |= Thread.interrupted();
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
