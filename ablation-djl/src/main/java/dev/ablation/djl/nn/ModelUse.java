package dev.ablation.djl.nn;

import ai.djl.ndarray.NDManager;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Who uses a model. Several threads may call it at once while no weight is bound. A thread that
 * binds weights, as an applied delta and a training session do, has the model alone until it has
 * taken the last one back: calls by others are refused, because they would compute with the changed
 * weights or with freed ones. Closing is refused while another thread uses the model: calls it, or
 * has arrays of it that a call is to follow on.
 */
public final class ModelUse {
  private final Map<Thread, Integer> calls = new HashMap<>();

  /** Scopes that are open, which keep the model open. */
  private final Map<Thread, Integer> scopes = new HashMap<>();

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

  /**
   * Makes a scope for arrays that are used between calls. Until it is closed, no other thread can
   * close the model.
   *
   * @param parent of the scope
   * @return the scope, owned by the caller
   * @throws IllegalStateException if the model is closed
   */
  public NDManager scope(NDManager parent) {
    return whileOpen(() -> {
      NDManager scope = parent.newSubManager();
      keepOpenUntilClosed(scope);
      return scope;
    });
  }

  /**
   * Keeps other threads from closing the model.
   *
   * @param scope until it is closed
   * @throws IllegalStateException if the model is closed
   */
  public void keepOpenUntilClosed(NDManager scope) {
    Thread thread = Thread.currentThread();
    enter(thread);
    scope.attachInternal(UUID.randomUUID().toString(), (AutoCloseable) () -> leave(thread));
  }

  /**
   * Uses a part of the model that has no weights, such as a tokenizer.
   *
   * @param body the call
   * @param <T> its result
   * @return the result
   * @throws IllegalStateException if the model is closed
   */
  public <T> T whileOpen(Supplier<T> body) {
    Thread thread = Thread.currentThread();
    enter(thread);
    try {
      return body.get();
    } finally {
      leave(thread);
    }
  }

  /**
   * Refuses to read what another thread has bound, and is going to free.
   *
   * @throws IllegalStateException if another thread has bound weights
   */
  synchronized void checkReadable() {
    checkBinder("read the weights of");
  }

  private synchronized void enter(Thread thread) {
    checkOpen();
    scopes.merge(thread, 1, Integer::sum);
  }

  private synchronized void leave(Thread thread) {
    remove(scopes, thread);
  }

  private synchronized void begin() {
    checkOpen();
    checkBinder("call");
    calls.merge(Thread.currentThread(), 1, Integer::sum);
  }

  private synchronized void end() {
    remove(calls, Thread.currentThread());
  }

  private static void remove(Map<Thread, Integer> counts, Thread of) {
    counts.computeIfPresent(of, (thread, count) -> count == 1 ? null : count - 1);
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
   * Takes the model for a training session, which binds weights and takes them back in turns.
   *
   * @throws IllegalStateException if the model is closed, or another thread uses it
   */
  public synchronized void claim() {
    checkOpen();
    checkAlone("train");
    bound++;
    binder = Thread.currentThread();
  }

  /** Ends {@link #claim}. */
  public synchronized void release() {
    bound--;
    binder = bound > 0 ? binder : null;
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
    checkOthers("close", scopes);
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
    checkOthers(action, calls);
  }

  private void checkOthers(String action, Map<Thread, Integer> users) {
    if (name == null) {
      return;
    }
    for (Thread thread : users.keySet()) {
      if (thread != Thread.currentThread() && thread.isAlive()) {
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
