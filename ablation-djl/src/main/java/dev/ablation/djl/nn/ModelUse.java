package dev.ablation.djl.nn;

import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Who uses a model. Several threads may call it at once while no weight is bound. A thread that
 * binds weights, as an applied delta and a training session do, has the model alone until it has
 * taken the last one back: calls by others are refused, because they would compute with the changed
 * weights or with freed ones. Closing is refused while another thread uses the model.
 */
public final class ModelUse {
  private final Map<Thread, Integer> calls = new HashMap<>();
  private @Nullable String name;
  private @Nullable Thread binder;
  private int bound;
  private boolean closed;

  /** Starts unused. */
  public ModelUse() {}

  /**
   * Names the model. Before, nothing is refused but use after closing: networks without a model are
   * trained by several threads that take turns.
   *
   * @param model the name
   */
  public synchronized void name(String model) {
    name = model;
  }

  /**
   * Calls the model.
   *
   * @param body the call
   * @param <T> its result
   * @return the result
   * @throws IllegalStateException if the model is closed, or another thread has bound weights
   */
  public <T> T during(Supplier<T> body) {
    begin();
    try {
      return body.get();
    } finally {
      end();
    }
  }

  private synchronized void begin() {
    checkOpen();
    checkBinder("call");
    calls.merge(Thread.currentThread(), 1, Integer::sum);
  }

  private synchronized void end() {
    calls.computeIfPresent(
        Thread.currentThread(), (thread, count) -> count == 1 ? null : count - 1);
  }

  /**
   * Binds a weight, or takes it back.
   *
   * @param change what is done
   * @param before whether an array was bound
   * @param after whether an array is bound then
   * @throws IllegalStateException if another thread uses the model
   */
  synchronized void bind(Runnable change, boolean before, boolean after) {
    checkAlone("change the weights of");
    change.run();
    bound += (after ? 1 : 0) - (before ? 1 : 0);
    binder = bound > 0 ? Thread.currentThread() : null;
  }

  /**
   * Changes weights for good.
   *
   * @param change what is done
   * @throws IllegalStateException if another thread uses the model
   */
  synchronized void overwrite(Runnable change) {
    checkAlone("change the weights of");
    change.run();
  }

  /**
   * Ends all use.
   *
   * @return whether the model was open
   * @throws IllegalStateException if another thread uses the model
   */
  public synchronized boolean close() {
    if (closed) {
      return false;
    }
    checkAlone("close");
    closed = true;
    return true;
  }

  /** {@return whether it was closed} */
  public synchronized boolean isClosed() {
    return closed;
  }

  private void checkOpen() {
    if (closed) {
      throw new IllegalStateException("model '" + name + "' is closed");
    }
  }

  private void checkAlone(String action) {
    checkBinder(action);
    if (name == null) {
      return;
    }
    for (Thread thread : calls.keySet()) {
      if (thread != Thread.currentThread()) {
        throw refused(action, thread, "calls it");
      }
    }
  }

  /** A thread that has ended with weights bound does not keep others from taking them back. */
  private void checkBinder(String action) {
    Thread other = binder;
    if (name != null && other != null && other != Thread.currentThread() && other.isAlive()) {
      throw refused(action, Objects.requireNonNull(other), "has bound weights of it");
    }
  }

  private IllegalStateException refused(String action, Thread other, String why) {
    return new IllegalStateException(
        "thread '%s' cannot %s model '%s', because thread '%s' %s: wait for it, or load another model"
            .formatted(Thread.currentThread().getName(), action, name, other.getName(), why));
  }
}
