package dev.ablation;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ablation.anchor.AnchorContext;
import dev.ablation.anchor.AnchorSet;
import dev.ablation.delta.WeightDelta;
import dev.ablation.event.AblationEvent;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.Lora;
import dev.ablation.model.LowRank;
import dev.ablation.model.WeightInfo;
import dev.ablation.objective.AblationObjective;
import dev.ablation.provenance.Provenance;
import dev.ablation.train.BatchSource;
import dev.ablation.train.TrainingResult;
import dev.ablation.train.TrainingTask;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;

/** One run of a plan: checks it, prepares the anchors, trains, takes the difference. */
final class PlanRun implements AnchorContext {
  private final Plan plan;
  private final BooleanSupplier cancelled;
  private final Listeners events;

  PlanRun(Plan plan, BooleanSupplier cancelled) {
    this.plan = plan;
    this.cancelled = cancelled;
    events = new Listeners(plan.listeners());
  }

  AblationResult run() {
    try (ModelInUse use = ModelInUse.of(plan.model())) {
      AblationResult result = use.during(this::checkAndTrain);
      events.on(new AblationEvent.Completed(result.history().size(), result.elapsed()));
      return result;
    } catch (RuntimeException | Error e) {
      events.on(new AblationEvent.Failed(e));
      throw e;
    }
  }

  private AblationResult checkAndTrain() {
    long start = System.nanoTime();
    DiffusionModel model = plan.model();
    List<WeightInfo> chosen = new PlanCheck(plan).check(events);
    events.on(
        new AblationEvent.Started(
            plan.target().name(),
            plan.anchor().name(),
            plan.anchor().images(),
            plan.trainer().steps()));
    try (NDManager scope = model.manager().newSubManager();
        AnchorSet anchors = plan.anchor().prepare(model, plan.target(), this)) {
      BatchSource batches =
          new AnchorBatches(model, anchors, plan.target(), plan.anchor().name(), plan.seed());
      TrainingResult trained = plan.trainer().train(new Task(chosen, batches, scope));
      WeightDelta delta = delta(trained.weights());
      return new AblationResult(
          delta, trained.history(), Duration.ofNanos(System.nanoTime() - start));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public long seed() {
    return plan.seed();
  }

  @Override
  public void progress(long done, long total, boolean fromCache) {
    events.on(new AblationEvent.AnchorsProgressed(done, total, fromCache));
  }

  @Override
  public boolean cancelled() {
    return cancelled.getAsBoolean();
  }

  private WeightDelta delta(Map<String, NDArray> trained) {
    DiffusionModel model = plan.model();
    Optional<Lora> lora = plan.trainer().lora();
    if (lora.isEmpty()) {
      return WeightDelta.between(
          model.weights(), trained, model.manager(), provenance(trained.keySet()));
    }
    Map<String, LowRank> changes = LowRank.pairs(trained, lora.get().scale());
    return WeightDelta.ofLowRank(changes, model.manager(), provenance(changes.keySet()));
  }

  private Provenance provenance(Set<String> trained) {
    DiffusionModel model = plan.model();
    Map<String, String> hashes = new TreeMap<>();
    trained.forEach(name -> hashes.put(name, model.weights().sha256(name)));
    Map<String, String> settings = new TreeMap<>(plan.settings());
    BoundWeights.describe(model.weights())
        .ifPresent(bound -> settings.put(BoundWeights.SETTING, bound));
    return new Provenance(
        LibraryVersion.get(),
        model.descriptor().name(),
        model.weights().sha256(),
        hashes,
        settings,
        LibraryVersion.environment(model.descriptor().device()));
  }

  /** What the trainer is given. */
  private final class Task implements TrainingTask {
    private final List<WeightInfo> chosen;
    private final BatchSource batches;
    private final NDManager scope;

    Task(List<WeightInfo> chosen, BatchSource batches, NDManager scope) {
      this.chosen = chosen;
      this.batches = batches;
      this.scope = scope;
    }

    @Override
    public DiffusionModel model() {
      return plan.model();
    }

    @Override
    public AblationObjective objective() {
      return plan.objective();
    }

    @Override
    public List<WeightInfo> weights() {
      return chosen;
    }

    @Override
    public Map<String, Set<Integer>> rows() {
      return TrainedRows.of(plan.model(), plan.target(), chosen);
    }

    @Override
    public long seed() {
      return plan.seed();
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
}
