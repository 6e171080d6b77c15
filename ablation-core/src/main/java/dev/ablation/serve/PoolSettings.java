package dev.ablation.serve;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import java.time.Duration;
import java.util.Objects;

/**
 * The limits of a {@link ModelPool}.
 *
 * @param workers requests that run at once, positive. On a GPU one or two keep it busy. On a CPU,
 *     several workers with one thread each draw more images a second than one with all threads, as
 *     long as each finds memory for its activations; set the threads of an operation when the model
 *     is loaded
 * @param queue requests that may wait, not negative; further ones are rejected
 * @param deadline from the submission to the end of a request that names none, positive
 * @param variantBytes limit for the changed weights of all variants together, positive
 * @param listener observes requests
 */
@CheckReturnValue
public record PoolSettings(
    int workers, int queue, Duration deadline, long variantBytes, PoolListener listener) {

  /** Checks the ranges. */
  public PoolSettings {
    Preconditions.checkArgument(workers > 0, "workers must be positive, was %s", workers);
    Preconditions.checkArgument(queue >= 0, "queue must not be negative, was %s", queue);
    checkDeadline(deadline);
    Preconditions.checkArgument(
        variantBytes > 0, "variantBytes must be positive, was %s", variantBytes);
    Objects.requireNonNull(listener, "listener");
  }

  static void checkDeadline(Duration deadline) {
    Preconditions.checkArgument(
        !deadline.isNegative() && !deadline.isZero(),
        "deadline must be positive, was %s",
        deadline);
  }

  /**
   * {@return one worker, 32 waiting requests, a deadline of 5 minutes, 4 GiB of changed weights, no
   * listener}
   */
  public static PoolSettings defaults() {
    return new PoolSettings(1, 32, Duration.ofMinutes(5), 4L << 30, new PoolListener() {});
  }

  /**
   * Changes the number of requests that run at once.
   *
   * @param workers positive
   * @return changed settings
   */
  public PoolSettings workers(int workers) {
    return new PoolSettings(workers, queue, deadline, variantBytes, listener);
  }

  /**
   * Changes the number of requests that may wait.
   *
   * @param queue not negative
   * @return changed settings
   */
  public PoolSettings queue(int queue) {
    return new PoolSettings(workers, queue, deadline, variantBytes, listener);
  }

  /**
   * Changes the deadline of requests that name none.
   *
   * @param deadline positive
   * @return changed settings
   */
  public PoolSettings deadline(Duration deadline) {
    return new PoolSettings(workers, queue, deadline, variantBytes, listener);
  }

  /**
   * Changes the limit for the changed weights of all variants together.
   *
   * @param variantBytes positive
   * @return changed settings
   */
  public PoolSettings variantBytes(long variantBytes) {
    return new PoolSettings(workers, queue, deadline, variantBytes, listener);
  }

  /**
   * Changes who observes requests.
   *
   * @param listener safe for use by several threads
   * @return changed settings
   */
  public PoolSettings listener(PoolListener listener) {
    return new PoolSettings(workers, queue, deadline, variantBytes, listener);
  }
}
