package dev.ablation.serve;

import dev.ablation.sample.SamplingProgress;
import java.time.Duration;
import java.util.List;

/**
 * Observes the requests of a {@link ModelPool}, such as for metrics. Methods are called on the
 * thread where it happens, must be quick and safe for use by several threads; an exception is
 * logged and has no other effect.
 */
public interface PoolListener {

  /** How a request ended. */
  enum Outcome {
    /** With a result. */
    COMPLETED,
    /** With an exception. */
    FAILED,
    /** Its caller cancelled it, or the pool was closed before it started. */
    CANCELLED,
    /** Its deadline passed. */
    EXPIRED,
    /** The queue was full. */
    REJECTED
  }

  /**
   * A worker begins with a request.
   *
   * @param variant of the request
   * @param waited time in the queue
   */
  default void started(String variant, Duration waited) {}

  /**
   * A step of a drawing is made.
   *
   * @param variant of the request
   * @param progress of the drawing
   */
  default void step(String variant, SamplingProgress progress) {}

  /**
   * A request has ended. One that expired or was cancelled while it ran ends when its worker is
   * free again.
   *
   * @param variant of the request
   * @param outcome how
   * @param ran time on a worker; zero if it did not start
   */
  default void ended(String variant, Outcome outcome, Duration ran) {}

  /**
   * Combines listeners.
   *
   * @param listeners called in this order
   * @return a listener that calls all; the fault of one does not keep the others from being called
   */
  static PoolListener all(List<? extends PoolListener> listeners) {
    return new CombinedListener(List.copyOf(listeners));
  }
}
