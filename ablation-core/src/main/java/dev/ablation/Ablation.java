package dev.ablation;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import com.google.common.base.Preconditions;
import dev.ablation.anchor.AnchorContext;
import dev.ablation.anchor.AnchorSet;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.concept.Concept;
import dev.ablation.delta.WeightDelta;
import dev.ablation.event.AblationEvent;
import dev.ablation.event.AblationListener;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.WeightGroup;
import dev.ablation.model.WeightInfo;
import dev.ablation.objective.AblationObjective;
import dev.ablation.provenance.Provenance;
import dev.ablation.train.BatchSource;
import dev.ablation.train.GradientTrainer;
import dev.ablation.train.Preset;
import dev.ablation.train.Trainer;
import dev.ablation.train.TrainingResult;
import dev.ablation.train.TrainingTask;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import java.util.function.UnaryOperator;

/**
 * A complete, immutable description of one ablation. Every method that changes it returns a new
 * value, so that a plan can be kept and forked.
 *
 * {@snippet class="dev.ablation.Snippets" region="plan"}
 *
 * <p>A run does not change the model: it trains copies of the chosen weights and returns the
 * difference. While it runs, the model belongs to it alone.
 */
public final class Ablation {
  private final DiffusionModel model;
  private final Concept target;
  private final AnchorStrategy anchor;
  private final String preset;
  private final AblationObjective objective;
  private final WeightGroup weights;
  private final Trainer trainer;
  private final long seed;
  private final List<AblationListener> listeners;

  private Ablation(Builder from) {
    model = from.model;
    target = from.target;
    anchor = from.anchor;
    preset = from.preset;
    objective = from.objective;
    weights = from.weights;
    trainer = from.trainer;
    seed = from.seed;
    listeners = List.copyOf(from.listeners);
  }

  static Ablation of(DiffusionModel model, Concept target, AnchorStrategy anchor) {
    Objects.requireNonNull(anchor, "anchor");
    Preconditions.checkArgument(
        !target.name().equalsIgnoreCase(anchor.name()),
        "anchor must differ from the target, both were '%s'",
        target.name());
    return new Ablation(new Builder(model, target, anchor, Preset.diffusers(target.kind())));
  }

  private Ablation with(UnaryOperator<Builder> change) {
    return new Ablation(change.apply(new Builder(this)));
  }

  /**
   * Takes objective, weights and training from a preset. A default plan has {@link
   * Preset#diffusers}.
   *
   * @param preset published numbers
   * @return a changed plan
   */
  public Ablation preset(Preset preset) {
    Objects.requireNonNull(preset, "preset");
    return with(b -> b.take(preset));
  }

  /**
   * Changes the loss.
   *
   * @param objective such as {@code AblationObjective.modelBased(Teacher.FROZEN_WEIGHTS)}
   * @return a changed plan
   */
  public Ablation objective(AblationObjective objective) {
    Objects.requireNonNull(objective, "objective");
    return with(b -> {
      b.objective = objective;
      return b;
    });
  }

  /**
   * Changes the weights that are trained.
   *
   * @param weights such as {@code WeightGroup.crossAttentionKeyValue()}
   * @return a changed plan
   */
  public Ablation weights(WeightGroup weights) {
    Objects.requireNonNull(weights, "weights");
    return with(b -> {
      b.weights = weights;
      return b;
    });
  }

  /**
   * Changes the trainer.
   *
   * @param trainer finds the change of the weights
   * @return a changed plan
   */
  public Ablation trainer(Trainer trainer) {
    Objects.requireNonNull(trainer, "trainer");
    return with(b -> {
      b.trainer = trainer;
      return b;
    });
  }

  /**
   * Adjusts the gradient trainer: {@code training(t -> t.steps(400).learningRate(2e-6))}.
   *
   * @param change from the present settings to the new ones
   * @return a changed plan
   * @throws IllegalStateException if the plan has another kind of trainer
   */
  public Ablation training(UnaryOperator<GradientTrainer> change) {
    if (!(trainer instanceof GradientTrainer gradient)) {
      throw new IllegalStateException(
          "training(...) adjusts a GradientTrainer, but the plan has " + trainer);
    }
    return trainer(change.apply(gradient));
  }

  /**
   * Changes the seed that everything random is derived from; 0 unless changed.
   *
   * @param seed any number
   * @return a changed plan
   */
  public Ablation seed(long seed) {
    return with(b -> {
      b.seed = seed;
      return b;
    });
  }

  /**
   * Adds a listener, called after those added before.
   *
   * @param listener hears of every event on the run's thread
   * @return a changed plan
   */
  public Ablation listener(AblationListener listener) {
    Objects.requireNonNull(listener, "listener");
    return with(b -> {
      b.listeners.add(listener);
      return b;
    });
  }

  /** {@return what is removed} */
  public Concept target() {
    return target;
  }

  /** {@return what is drawn instead} */
  public AnchorStrategy anchor() {
    return anchor;
  }

  /** {@return everything that shapes a run, as provenance keeps it} */
  public Map<String, String> settings() {
    Map<String, String> settings = new TreeMap<>();
    settings.put("target", target.toString());
    settings.put("target.kind", target.kind().name());
    settings.put("preset", preset);
    settings.put("objective", objective.name());
    settings.put("weights", weights.name());
    settings.put("seed", Long.toString(seed));
    settings.putAll(anchor.settings(target));
    settings.putAll(trainer.settings());
    return settings;
  }

  /**
   * Runs to the end on the calling thread: checks the whole plan, prepares the anchor pictures,
   * trains. Whatever happens, the model afterwards holds the weights it had before.
   *
   * @return the result, closed by the caller
   * @throws IllegalArgumentException if the plan cannot work, naming everything that is wrong with
   *     it; thrown before any long work
   * @throws dev.ablation.error.UnsupportedCapabilityException if the model lacks something that the
   *     plan needs; thrown before any long work
   * @throws dev.ablation.train.TrainingDivergedException if the loss stops being finite
   * @throws CancellationException if the thread is interrupted; the interrupt flag is kept
   * @throws IllegalStateException if the model is in use by another run, or closed
   * @throws UncheckedIOException if an anchor cache cannot be read or written
   */
  public AblationResult run() {
    return run(() -> false);
  }

  /**
   * Runs on an executor. The library makes no threads of its own.
   *
   * @param executor runs the whole run as one task
   * @return a handle to wait for the result or to cancel
   */
  public AblationRun start(Executor executor) {
    AtomicBoolean cancelled = new AtomicBoolean();
    CompletableFuture<AblationResult> result =
        CompletableFuture.supplyAsync(() -> run(cancelled::get), executor);
    return new AblationRun() {
      @Override
      public CompletionStage<AblationResult> result() {
        return result.minimalCompletionStage();
      }

      @Override
      public void cancel() {
        cancelled.set(true);
      }
    };
  }

  private AblationResult run(BooleanSupplier cancelled) {
    Listeners events = new Listeners(listeners);
    try (ModelInUse use = ModelInUse.of(model)) {
      AblationResult result = use.during(() -> run(cancelled, events));
      events.on(new AblationEvent.Completed(result.history().size(), result.elapsed()));
      return result;
    } catch (RuntimeException | Error e) {
      events.on(new AblationEvent.Failed(e));
      throw e;
    }
  }

  private AblationResult run(BooleanSupplier cancelled, Listeners events) {
    long start = System.nanoTime();
    List<WeightInfo> chosen = new PlanCheck(model, target, anchor, weights).check(events);
    events.on(
        new AblationEvent.Started(target.name(), anchor.name(), anchor.images(), trainer.steps()));
    try (NDManager scope = model.manager().newSubManager();
        AnchorSet anchors = anchor.prepare(model, target, context(cancelled, events))) {
      BatchSource batches = new AnchorBatches(model, anchors, target, anchor.name(), seed);
      TrainingResult trained = trainer.train(new Task(chosen, batches, scope, cancelled, events));
      WeightDelta delta =
          WeightDelta.between(
              model.weights(), trained.weights(), model.manager(), provenance(trained.weights()));
      return new AblationResult(
          delta, trained.history(), Duration.ofNanos(System.nanoTime() - start));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private AnchorContext context(BooleanSupplier cancelled, Listeners events) {
    return new AnchorContext() {
      @Override
      public long seed() {
        return seed;
      }

      @Override
      public void progress(long done, long total, boolean fromCache) {
        events.on(new AblationEvent.AnchorsProgressed(done, total, fromCache));
      }

      @Override
      public boolean cancelled() {
        return cancelled.getAsBoolean();
      }
    };
  }

  private Provenance provenance(Map<String, NDArray> trained) {
    Map<String, String> hashes = new TreeMap<>();
    trained.keySet().forEach(name -> hashes.put(name, model.weights().sha256(name)));
    return new Provenance(
        LibraryVersion.get(),
        model.descriptor().name(),
        model.weights().sha256(),
        hashes,
        settings(),
        LibraryVersion.environment(model.descriptor().device()));
  }

  @Override
  public String toString() {
    return "ablation of "
        + target
        + " to '"
        + anchor.name()
        + "' in '"
        + model.descriptor().name()
        + "'";
  }

  private final class Task implements TrainingTask {
    private final List<WeightInfo> chosen;
    private final BatchSource batches;
    private final NDManager scope;
    private final BooleanSupplier cancelled;
    private final Listeners events;

    Task(
        List<WeightInfo> chosen,
        BatchSource batches,
        NDManager scope,
        BooleanSupplier cancelled,
        Listeners events) {
      this.chosen = chosen;
      this.batches = batches;
      this.scope = scope;
      this.cancelled = cancelled;
      this.events = events;
    }

    @Override
    public DiffusionModel model() {
      return model;
    }

    @Override
    public AblationObjective objective() {
      return objective;
    }

    @Override
    public List<WeightInfo> weights() {
      return chosen;
    }

    @Override
    public Map<String, Set<Integer>> rows() {
      return TrainedRows.of(model, target, chosen);
    }

    @Override
    public BatchSource batches() {
      return batches;
    }

    @Override
    public NDManager resultScope() {
      return scope;
    }

    @Override
    public void checkCancelled() {
      if (cancelled.getAsBoolean() || Thread.currentThread().isInterrupted()) {
        throw new CancellationException("the run was cancelled; the model is unchanged");
      }
    }

    @Override
    public void emit(AblationEvent event) {
      events.on(event);
    }
  }

  /** The one place where a plan is changed, before it is frozen again. */
  private static final class Builder {
    private final DiffusionModel model;
    private final Concept target;
    private final AnchorStrategy anchor;
    private String preset = "";
    private AblationObjective objective;
    private WeightGroup weights;
    private Trainer trainer;
    private long seed;
    private final List<AblationListener> listeners = new ArrayList<>();

    Builder(DiffusionModel model, Concept target, AnchorStrategy anchor, Preset preset) {
      this.model = model;
      this.target = target;
      this.anchor = anchor;
      this.preset = preset.name();
      objective = preset.objective();
      weights = preset.weights();
      trainer = preset.training();
    }

    Builder(Ablation from) {
      model = from.model;
      target = from.target;
      anchor = from.anchor;
      preset = from.preset;
      objective = from.objective;
      weights = from.weights;
      trainer = from.trainer;
      seed = from.seed;
      listeners.addAll(from.listeners);
    }

    Builder take(Preset from) {
      preset = from.name();
      objective = from.objective();
      weights = from.weights();
      trainer = from.training();
      return this;
    }
  }
}
