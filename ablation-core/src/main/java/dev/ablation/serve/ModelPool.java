package dev.ablation.serve;

import com.google.common.base.Preconditions;
import com.google.common.util.concurrent.Uninterruptibles;
import dev.ablation.delta.WeightDelta;
import dev.ablation.model.Capabilities;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.LatentCodec;
import dev.ablation.model.ModelViews;
import dev.ablation.provenance.Provenance;
import dev.ablation.sample.LatentSampler;
import dev.ablation.sample.SamplingSettings;
import java.awt.image.BufferedImage;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * One open model that many threads draw from. Each request names a <em>variant</em>: a set of
 * deltas, such as those that one tenant asked for. Variants share the weights that they do not
 * change; requests of different variants run at once and do not wait for each other.
 *
 * {@snippet class="dev.ablation.Snippets" region="pool"}
 *
 * <p>Variants can be added, replaced and removed at any time. A request is drawn wholly under the
 * variant as it was when the request was submitted; a request that is submitted after {@link #put}
 * has returned is drawn under the new one.
 *
 * <p>Safe for use by several threads. The pool does not own the model: close the pool first. While
 * the pool is open, weights of the model itself must not be bound: requests would be refused.
 */
public final class ModelPool implements AutoCloseable {
  /** The variant without any delta: the model as it was loaded. It always exists. */
  public static final String BASE = "base";

  private final DiffusionModel model;
  private final ModelViews views;
  private final PoolSettings settings;
  private final PoolListener listener;
  private final Map<String, Variant> variants = new LinkedHashMap<>();
  private final Queue<DiffusionModel> idle = new ConcurrentLinkedQueue<>();
  private final ThreadPoolExecutor workers;
  private long variantBytes;
  private boolean closed;

  private ModelPool(DiffusionModel model, PoolSettings settings) {
    this.model = model;
    this.settings = settings;
    listener = PoolListener.all(List.of(settings.listener())); // its faults are logged
    views = Capabilities.require(model, ModelViews.class, "a pool");
    variants.put(BASE, Variant.of(views, List.of(), 0));
    for (int i = 0; i < settings.workers(); i++) {
      idle.add(views.view());
    }
    BlockingQueue<Runnable> queue =
        settings.queue() == 0
            ? new SynchronousQueue<>()
            : new ArrayBlockingQueue<>(settings.queue());
    AtomicInteger number = new AtomicInteger();
    workers =
        new ThreadPoolExecutor(
            settings.workers(),
            settings.workers(),
            0,
            TimeUnit.SECONDS,
            queue,
            body -> {
              Thread thread =
                  new Thread(
                      body,
                      "pool-%s-%d".formatted(model.descriptor().name(), number.incrementAndGet()));
              thread.setDaemon(true);
              return thread;
            });
  }

  /**
   * Opens a pool.
   *
   * @param model to draw from; the caller keeps ownership
   * @param settings limits
   * @return the pool, closed by the caller before the model
   * @throws dev.ablation.error.UnsupportedCapabilityException if the model has no {@link
   *     ModelViews}
   */
  public static ModelPool open(DiffusionModel model, PoolSettings settings) {
    return new ModelPool(
        Objects.requireNonNull(model, "model"), Objects.requireNonNull(settings, "settings"));
  }

  /** {@return the model; not to be changed while the pool is open} */
  public DiffusionModel model() {
    return model;
  }

  /** {@return the limits} */
  public PoolSettings settings() {
    return settings;
  }

  /**
   * Adds a variant or replaces it. Requests that were submitted before keep the variant of then.
   *
   * @param variant a name, other than {@link #BASE}
   * @param deltas learned on the model, applied in this order; their values are copied
   * @throws dev.ablation.delta.DeltaMismatchException if a delta is one of another model
   * @throws IllegalArgumentException if the variant is {@link #BASE}, or its changed weights would
   *     exceed {@link PoolSettings#variantBytes}
   * @throws IllegalStateException if the pool is closed
   */
  public void put(String variant, List<WeightDelta> deltas) {
    Preconditions.checkArgument(
        !variant.equals(BASE), "variant '%s' is the model without deltas", BASE);
    long bytes = changedBytes(deltas);
    reserve(variant, bytes);
    Variant made;
    try {
      made = Variant.of(views, deltas, bytes);
    } catch (RuntimeException | Error e) {
      free(bytes);
      throw e;
    }
    Variant before;
    synchronized (this) {
      if (closed) {
        release(made);
        throw closed();
      }
      before = variants.put(variant, made);
    }
    release(before);
  }

  /**
   * Removes a variant. Requests that were submitted before are still drawn under it.
   *
   * @param variant a name, other than {@link #BASE}
   * @return whether it existed
   */
  public boolean remove(String variant) {
    Preconditions.checkArgument(!variant.equals(BASE), "variant '%s' cannot be removed", BASE);
    Variant before;
    synchronized (this) {
      before = variants.remove(variant);
    }
    release(before);
    return before != null;
  }

  /** {@return the provenance of every variant's deltas, by name, in the order of addition} */
  public synchronized Map<String, List<Provenance>> variants() {
    Map<String, List<Provenance>> copy = new LinkedHashMap<>();
    variants.forEach((name, variant) -> copy.put(name, variant.deltas()));
    return copy;
  }

  /** {@return the size of the changed weights of all variants, in bytes} */
  public synchronized long variantBytes() {
    return variantBytes;
  }

  /** {@return how many requests wait} */
  public int waiting() {
    return workers.getQueue().size();
  }

  /** {@return how many requests run} */
  public int running() {
    return workers.getActiveCount();
  }

  /** {@return whether {@link #close} was called} */
  public synchronized boolean isClosed() {
    return closed;
  }

  /**
   * Draws images.
   *
   * @param request what to draw
   * @return the images, in the order of the prompts. Cancelling it stops the drawing before its
   *     next step. It fails with {@link TimeoutException} at the deadline, and with what drawing
   *     throws
   * @throws IllegalArgumentException if there is no such variant
   * @throws RejectedExecutionException if all workers are busy and the queue is full
   * @throws IllegalStateException if the pool is closed
   */
  public CompletableFuture<List<BufferedImage>> draw(DrawRequest request) {
    Capabilities.require(model, LatentCodec.class, "drawing images");
    return submit(
        request.variant(),
        request.deadline().orElse(settings.deadline()),
        (view, cancelled) -> {
          LatentSampler sampler =
              LatentSampler.of(view)
                  .settings(request.settings().orElseGet(() -> SamplingSettings.defaultsFor(view)))
                  .listener(progress -> listener.step(request.variant(), progress))
                  .cancellation(cancelled);
          if (request.size().isPresent()) {
            sampler =
                sampler.latentSize(request.size().get().height(), request.size().get().width());
          }
          return sampler.draw(request.prompts(), request.seed());
        });
  }

  /**
   * Runs a task with the model.
   *
   * @param variant under which deltas
   * @param deadline from now to the end, positive
   * @param task uses the model
   * @param <T> its result
   * @return the result. Cancelling it is told to the task. It fails with {@link TimeoutException}
   *     at the deadline, and with what the task throws
   * @throws IllegalArgumentException if there is no such variant
   * @throws RejectedExecutionException if all workers are busy and the queue is full
   * @throws IllegalStateException if the pool is closed
   */
  public <T> CompletableFuture<T> submit(String variant, Duration deadline, PoolTask<T> task) {
    PoolSettings.checkDeadline(deadline);
    Objects.requireNonNull(task, "task");
    Request<T> request = new Request<>(variant, hold(variant), task);
    try {
      workers.execute(request);
    } catch (RejectedExecutionException e) {
      release(request.variant);
      if (isClosed()) {
        throw closed();
      }
      listener.ended(variant, PoolListener.Outcome.REJECTED, Duration.ZERO);
      throw new RejectedExecutionException(
          "model '%s': %d requests run and %d wait, the limits of this pool; try again later"
              .formatted(model.descriptor().name(), settings.workers(), settings.queue()),
          e);
    }
    return request.result(deadline);
  }

  /**
   * Ends the pool: requests that wait are cancelled, those that run are finished, then the variants
   * are freed. Closing twice does nothing. Not to be called by a task of the pool.
   */
  @Override
  public void close() {
    synchronized (this) {
      if (closed) {
        return;
      }
      closed = true;
    }
    workers.shutdown();
    List<Runnable> waiting = new ArrayList<>();
    workers.getQueue().drainTo(waiting);
    for (Runnable request : waiting) {
      ((Request<?>) request).cancel();
    }
    Uninterruptibles.awaitTerminationUninterruptibly(workers);
    idle.forEach(DiffusionModel::close);
    synchronized (this) {
      variants.values().forEach(this::release);
      variants.clear();
    }
  }

  private IllegalStateException closed() {
    return new IllegalStateException(
        "the pool of model '%s' is closed".formatted(model.descriptor().name()));
  }

  private synchronized Variant hold(String name) {
    if (closed) {
      throw closed();
    }
    Variant variant = variants.get(name);
    if (variant == null) {
      throw new IllegalArgumentException(
          "there is no variant '%s'; there are %s".formatted(name, variants.keySet()));
    }
    variant.hold();
    return variant;
  }

  private void release(@Nullable Variant variant) {
    if (variant != null && variant.release()) {
      free(variant.bytes());
    }
  }

  private long changedBytes(List<WeightDelta> deltas) {
    Set<String> names = new HashSet<>();
    deltas.forEach(delta -> names.addAll(delta.names()));
    return model.weights().list().stream()
        .filter(info -> names.contains(info.name()))
        .mapToLong(info -> Float.BYTES * info.shape().size())
        .sum();
  }

  /** Variants that are being replaced count until their last request has ended. */
  private synchronized void reserve(String variant, long bytes) {
    if (closed) {
      throw closed();
    }
    Preconditions.checkArgument(
        variantBytes + bytes <= settings.variantBytes(),
        "variant '%s' changes weights of %s bytes, those of the others have %s: the limit is %s",
        variant,
        bytes,
        variantBytes,
        settings.variantBytes());
    variantBytes += bytes;
  }

  private synchronized void free(long bytes) {
    variantBytes -= bytes;
  }

  /** A task, from its submission to its end. */
  private final class Request<T> implements Runnable {
    private final String name;
    private final Variant variant;
    private final PoolTask<T> task;
    private final CompletableFuture<T> result = new CompletableFuture<>();
    private final AtomicBoolean ended = new AtomicBoolean();
    private final long submitted = System.nanoTime();

    Request(String name, Variant variant, PoolTask<T> task) {
      this.name = name;
      this.variant = variant;
      this.task = task;
    }

    /** One that nobody waits for leaves the queue at once. */
    CompletableFuture<T> result(Duration deadline) {
      CompletableFuture<T> unused =
          result
              .orTimeout(deadline.toNanos(), TimeUnit.NANOSECONDS)
              .whenComplete((value, failure) -> {
                if (workers.remove(this)) {
                  end(Duration.ZERO);
                }
              });
      return result;
    }

    void cancel() {
      result.cancel(false);
      end(Duration.ZERO);
    }

    @Override
    public void run() {
      long start = System.nanoTime();
      if (!result.isDone()) {
        listener.started(name, Duration.ofNanos(start - submitted));
        try {
          result.complete(used());
        } catch (Throwable e) { // the caller's, who gets it from the result
          result.completeExceptionally(e);
        }
      }
      end(Duration.ofNanos(System.nanoTime() - start));
    }

    private T used() throws Exception {
      DiffusionModel view = idle.remove(); // there are as many as workers
      try {
        variant.bindTo(view);
        return task.run(view, result::isDone);
      } finally {
        variant.unbindFrom(view);
        idle.add(view);
      }
    }

    private void end(Duration ran) {
      if (ended.compareAndSet(false, true)) {
        release(variant);
        listener.ended(name, outcome(), ran);
      }
    }

    private PoolListener.Outcome outcome() {
      try {
        T unused = result.getNow(null);
        return PoolListener.Outcome.COMPLETED;
      } catch (CancellationException e) {
        return PoolListener.Outcome.CANCELLED;
      } catch (CompletionException e) {
        return e.getCause() instanceof TimeoutException
            ? PoolListener.Outcome.EXPIRED
            : PoolListener.Outcome.FAILED;
      }
    }
  }
}
