package dev.ablation.run;

import ai.djl.ndarray.NDManager;
import dev.ablation.delta.WeightDelta;
import dev.ablation.evaluation.Evaluation;
import dev.ablation.evaluation.EvaluationResult;
import dev.ablation.event.AblationEvent;
import dev.ablation.internal.LibraryVersion;
import dev.ablation.memory.MemoryUse;
import dev.ablation.metric.EvaluationProgress;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.WeightInfo;
import dev.ablation.provenance.Provenance;
import dev.ablation.report.Report;
import dev.ablation.train.BatchSource;
import dev.ablation.train.TrainingOutcome;
import dev.ablation.train.TrainingResult;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** One run of a plan: checks it, prepares the anchors, trains, takes the difference, evaluates. */
final class PlanRun {
  private static final String FLOAT32 = "float32";

  private final Plan plan;
  private final BooleanSupplier cancelled;
  private final Listeners events;

  PlanRun(Plan plan, BooleanSupplier cancelled) {
    this.plan = plan;
    this.cancelled = cancelled;
    events = Listeners.logging(plan.listeners());
  }

  RunOutcome run() {
    try (ModelInUse use = ModelInUse.of(plan.model())) {
      RunOutcome outcome = use.during(this::checkTrainAndEvaluate);
      Report.Training training = outcome.training();
      events.on(new AblationEvent.Completed(training.outcome().steps(), training.elapsed()));
      return outcome;
    } catch (RuntimeException | Error e) {
      events.on(new AblationEvent.Failed(e));
      throw e;
    }
  }

  private RunOutcome checkTrainAndEvaluate() {
    PlanCheck check = PlanCheck.of(plan).orThrow(events);
    RunOutcome trained = train(check);
    return check
        .evaluation()
        .flatMap(evaluation -> found(evaluation, trained))
        .map(trained::evaluation)
        .orElse(trained);
  }

  /** A failed evaluation must not discard the trained result. */
  private Optional<EvaluationResult> found(Evaluation evaluation, RunOutcome trained) {
    try {
      return Optional.of(evaluation.run(plan.model(), trained.delta(), this::progress, cancelled));
    } catch (RuntimeException | IOException e) {
      Listeners.LOG.debug("the evaluation failed", e);
      events.on(new AblationEvent.Warning("the evaluation failed, the result is without it: " + e));
      return Optional.empty();
    } catch (Error e) {
      trained.delta().close();
      throw e;
    }
  }

  private void progress(EvaluationProgress progress) {
    events.on(
        new AblationEvent.EvaluationProgressed(progress.task(), progress.done(), progress.total()));
  }

  private RunOutcome train(PlanCheck check) {
    Meter meter = new Meter(System.nanoTime(), MemoryUse.begin(plan.model().descriptor().device()));
    List<ResolvedPair> pairs = check.pairs();
    try (CheckpointSession continuation =
            CheckpointSession.of(plan.checkpoints(), () -> identity(check.weights()), events);
        NDManager scope = plan.model().newScope()) {
      events.on(
          new AblationEvent.Started(
              pairs.stream().map(pair -> pair.target().name()).toList(),
              pairs.stream().map(ResolvedPair::anchorName).toList(),
              plan.drawsAnchors() ? AnchorSets.images(pairs) : 0,
              plan.steps()));
      continuation.announce();
      RunContext context = new RunContext(plan, events, continuation, cancelled);
      return plan.drawsAnchors()
          ? trainOnImages(check, context, scope, meter)
          : train(
              check,
              context,
              plan.hasBatches() ? BlankImages.batches(plan, check) : null,
              scope,
              meter);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private RunOutcome trainOnImages(
      PlanCheck check, RunContext context, NDManager scope, Meter meter) {
    try (AnchorBatches batches = new AnchorBatches(context, check)) {
      if (!plan.trainer().requirements().preparesAnchorImages()) {
        batches.prepare();
      }
      return train(check, context, batches, scope, meter);
    }
  }

  private RunOutcome train(
      PlanCheck check,
      RunContext context,
      @Nullable BatchSource batches,
      NDManager scope,
      Meter meter) {
    TrainingResult trained =
        plan.trainer().train(new RunTask(context, check, plan.objective(), batches, scope));
    WeightDelta delta = gated(delta(trained, context.notes()));
    return new RunOutcome(
        delta,
        new Report.Training(
            trained.history(),
            trained.measurements(),
            trained.outcome(),
            Duration.ofNanos(System.nanoTime() - meter.start()),
            meter.memory().increase()),
        Optional.empty());
  }

  private WeightDelta gated(WeightDelta delta) {
    if (plan.gate().isEmpty()) {
      return delta;
    }
    try (delta) {
      return delta.gatedBy(plan.gate().get());
    }
  }

  /** Time and memory since the run began. */
  private record Meter(long start, MemoryUse memory) {}

  /** What a run must have in common with an interrupted one to resume from its checkpoints. */
  private Provenance identity(List<WeightInfo> chosen) {
    return provenance(chosen.stream().map(WeightInfo::name).toList(), plan.settings());
  }

  WeightDelta delta(TrainingResult trained, Map<String, String> notes) {
    DiffusionModel model = plan.model();
    return WeightDelta.of(
        model.weights(), trained.changes(), model.manager(), provenance(trained, notes));
  }

  /** Nothing here differs between two runs of a plan on one machine. */
  private Provenance provenance(TrainingResult trained, Map<String, String> notes) {
    Map<String, String> settings = new TreeMap<>(plan.settings());
    settings.putAll(notes);
    TrainingOutcome outcome = trained.outcome();
    if (outcome.early() || outcome.step() < outcome.steps()) {
      settings.put("ending.steps", Integer.toString(outcome.steps()));
      settings.put("ending.step", Integer.toString(outcome.step()));
      settings.put("ending.reason", outcome.reason());
    }
    return provenance(trained.changes().keySet(), settings);
  }

  private Provenance provenance(Iterable<String> weights, Map<String, String> told) {
    DiffusionModel model = plan.model();
    Map<String, String> settings = new TreeMap<>(told);
    // Hashes are of the model's own weights; under an applied delta a run learns a change of the
    // sum.
    model.weights().boundSha256().ifPresent(sha256 -> settings.put("base.applied.sha256", sha256));
    String precision = model.descriptor().precision();
    if (!precision.equals(FLOAT32)) {
      settings.put("model.precision", precision); // runs of versions that knew no other go on
    }
    Map<String, String> environment =
        new TreeMap<>(LibraryVersion.environment(model.descriptor().device()));
    environment.put("weights", storedDtypes(model));
    environment.put("precision", precision);
    Map<String, String> hashes = new TreeMap<>();
    weights.forEach(name -> hashes.put(name, model.weights().sha256(name)));
    return new Provenance(
        LibraryVersion.get(),
        model.descriptor().name(),
        model.weights().sha256(),
        hashes,
        settings,
        environment);
  }

  /** The dtypes in which the model stores its weights, such as {@code "bfloat16, float32"}. */
  private static String storedDtypes(DiffusionModel model) {
    return model.weights().list().stream()
        .map(info -> info.dtype().name().toLowerCase(Locale.ROOT))
        .distinct()
        .sorted()
        .collect(Collectors.joining(", "));
  }
}
