package dev.ablation;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ablation.anchor.AnchorContext;
import dev.ablation.delta.WeightDelta;
import dev.ablation.evaluation.Evaluation;
import dev.ablation.evaluation.EvaluationResult;
import dev.ablation.event.AblationEvent;
import dev.ablation.internal.LibraryVersion;
import dev.ablation.metric.EvaluationProgress;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.Lora;
import dev.ablation.model.LoraFactors;
import dev.ablation.model.WeightInfo;
import dev.ablation.objective.AblationObjective;
import dev.ablation.provenance.Provenance;
import dev.ablation.train.BatchSource;
import dev.ablation.train.TrainingOutcome;
import dev.ablation.train.TrainingProgress;
import dev.ablation.train.TrainingResult;
import dev.ablation.train.TrainingState;
import dev.ablation.train.TrainingTask;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One run of a plan: checks it, prepares the anchors, trains, takes the difference, evaluates. */
final class PlanRun implements AnchorContext {
  private static final Logger LOG = LoggerFactory.getLogger(Ablation.class);

  private final Plan plan;
  private final BooleanSupplier cancelled;
  private final Listeners events;
  private @Nullable CheckpointSession continuation;
  private final Map<String, String> notes = new TreeMap<>();

  PlanRun(Plan plan, BooleanSupplier cancelled) {
    this.plan = plan;
    this.cancelled = cancelled;
    events = new Listeners(plan.listeners());
  }

  AblationResult run() {
    try (ModelInUse use = ModelInUse.of(plan.model())) {
      AblationResult result = use.during(this::checkTrainAndEvaluate);
      events.on(new AblationEvent.Completed(result.history().size(), result.elapsed()));
      return result;
    } catch (RuntimeException | Error e) {
      events.on(new AblationEvent.Failed(e));
      throw e;
    }
  }

  private void progress(EvaluationProgress progress) {
    events.on(
        new AblationEvent.EvaluationProgressed(progress.task(), progress.done(), progress.total()));
  }

  private AblationResult checkTrainAndEvaluate() {
    PlanCheck check = PlanCheck.of(plan).orThrow(events);
    AblationResult trained = train(check);
    return check
        .evaluation()
        .flatMap(evaluation -> found(evaluation, trained))
        .map(trained::evaluation)
        .orElse(trained);
  }

  /** What was trained is not given up because of what comes after it. */
  private Optional<EvaluationResult> found(Evaluation evaluation, AblationResult trained) {
    try {
      return Optional.of(
          evaluation.run(plan.model(), trained.delta(), this::progress, this::cancelled));
    } catch (RuntimeException | IOException e) {
      LOG.debug("the evaluation failed", e);
      warn("the evaluation failed, the result is without it: " + e);
      return Optional.empty();
    } catch (Error e) {
      trained.close();
      throw e;
    }
  }

  private AblationResult train(PlanCheck check) {
    long start = System.nanoTime();
    DiffusionModel model = plan.model();
    MemoryUse memory = MemoryUse.begin(model.descriptor().device());
    List<ResolvedPair> pairs = check.pairs();
    try (CheckpointSession run =
            CheckpointSession.of(plan.checkpoints(), () -> identity(check.weights()), events);
        NDManager scope = model.manager().newSubManager()) {
      continuation = run;
      events.on(
          new AblationEvent.Started(
              pairs.stream().map(pair -> pair.target().name()).toList(),
              pairs.stream().map(ResolvedPair::anchorName).toList(),
              AnchorSets.images(pairs),
              plan.trainer().steps()));
      run.announce();
      return train(check, run, scope, start, memory);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private AblationResult train(
      PlanCheck check, CheckpointSession run, NDManager scope, long start, MemoryUse memory)
      throws IOException {
    DiffusionModel model = plan.model();
    try (AnchorSets anchors = AnchorSets.prepare(model, check.pairs(), this)) {
      run.anchorsAreReady();
      BatchSource batches = PairBatchSource.of(model, check.pairs(), anchors::of, plan.seed());
      TrainingResult trained = plan.trainer().train(new Task(check.weights(), batches, run, scope));
      return new AblationResult(
          delta(trained),
          trained.history(),
          trained.measurements(),
          trained.ending(),
          Duration.ofNanos(System.nanoTime() - start),
          memory.increase(),
          Optional.empty());
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
  public void note(String name, String value) {
    notes.put(name, value);
  }

  @Override
  public boolean cancelled() {
    return cancelled.getAsBoolean();
  }

  @Override
  public Optional<Path> folder() {
    return Objects.requireNonNull(continuation).anchors();
  }

  @Override
  public void warn(String message) {
    events.on(new AblationEvent.Warning(message));
  }

  /** What a run must share with an interrupted one to go on from its checkpoints. */
  private Provenance identity(List<WeightInfo> chosen) {
    return provenance(chosen.stream().map(WeightInfo::name).toList(), plan.settings());
  }

  private WeightDelta delta(TrainingResult trained) {
    DiffusionModel model = plan.model();
    Optional<Lora> lora = plan.trainer().lora();
    if (lora.isEmpty()) {
      Map<String, NDArray> weights = trained.weights();
      return WeightDelta.between(
          model.weights(), weights, model.manager(), provenance(trained, weights.keySet()));
    }
    Map<String, LoraFactors> changes = LoraFactors.pairs(trained.weights(), lora.get().scale());
    return WeightDelta.ofLowRank(changes, model.manager(), provenance(trained, changes.keySet()));
  }

  /** Nothing in it differs between two runs of a plan on one machine. */
  private Provenance provenance(TrainingResult trained, Set<String> weights) {
    Map<String, String> settings = new TreeMap<>(plan.settings());
    settings.putAll(notes);
    TrainingOutcome ending = trained.ending();
    if (ending.early() || ending.step() < ending.steps()) {
      settings.put("ending.steps", Integer.toString(ending.steps()));
      settings.put("ending.step", Integer.toString(ending.step()));
      settings.put("ending.reason", ending.reason());
    }
    return provenance(weights, settings);
  }

  private Provenance provenance(Iterable<String> weights, Map<String, String> told) {
    DiffusionModel model = plan.model();
    Map<String, String> settings = new TreeMap<>(told);
    // Hashes are of the model's own weights; under an applied delta a run learns a change of the
    // sum.
    model.weights().boundSha256().ifPresent(sha256 -> settings.put("base.applied.sha256", sha256));
    Map<String, String> hashes = new TreeMap<>();
    weights.forEach(name -> hashes.put(name, model.weights().sha256(name)));
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
    private final CheckpointSession run;
    private final NDManager scope;

    Task(List<WeightInfo> chosen, BatchSource batches, CheckpointSession run, NDManager scope) {
      this.chosen = chosen;
      this.batches = batches;
      this.run = run;
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
      return TrainedRows.of(
          plan.model(), plan.pairs().stream().map(TargetAnchor::target).toList(), chosen);
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
      if (cancelled()) {
        throw new CancellationException("the run was cancelled; the model is unchanged");
      }
    }

    @Override
    public boolean cancelled() {
      return cancelled.getAsBoolean() || Thread.currentThread().isInterrupted();
    }

    @Override
    public Optional<TrainingState> saved(NDManager owner) {
      return run.saved(owner);
    }

    @Override
    public boolean savesAfter(int step) {
      return run.savesAfter(step);
    }

    @Override
    public void save(TrainingState state) {
      run.save(state);
    }

    @Override
    public boolean looksAfter(int step) {
      return events.looksAfter(step, plan.trainer().steps());
    }

    @Override
    public void look(TrainingProgress progress) {
      events.look(progress);
    }

    @Override
    public void emit(AblationEvent event) {
      events.on(event);
    }
  }
}
