package dev.ablation.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import com.google.common.base.Preconditions;
import dev.ablation.delta.WeightChange;
import dev.ablation.event.AblationEvent;
import dev.ablation.internal.EngineArrays;
import dev.ablation.memory.OutOfMemory;
import dev.ablation.model.Lora;
import dev.ablation.model.LoraFactors;
import dev.ablation.model.Optimizer;
import dev.ablation.model.TrainingSession;
import dev.ablation.model.TrainingSession.Gradients;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** One training run by a {@link GradientTrainer}, from the start or from a saved state. */
final class GradientRun implements AutoCloseable {
  // Names in a saved state; files on disk have them.
  private static final String WEIGHT = "weight.";
  private static final String FIRST = "first-moment.";
  private static final String SECOND = "second-moment.";
  private static final String BEST = "best.";
  private static final String AVERAGE = "average.";
  private static final String OPTIMIZER_STEPS = "optimizer.steps";
  private static final String BEST_STEP = "best.step";

  /** No weights were recorded as the best. */
  private static final int NONE = -1;

  private static final String STOPPED = "stopped";
  private static final String LOOKED = "looked";

  private final GradientTrainer trainer;
  private final TrainingTask task;
  private final TrainingSession session;
  private final TextEmbeddings texts;
  private final StepGradients gradients;
  private final Optimizer optimizer;
  private final NDManager own;

  /** Of the weights under training: what is observed, and the result; {@code null} if none is. */
  private final @Nullable ExponentialAverage average;

  private final long start = System.nanoTime();

  private final List<TrainingResult.Step> history = new ArrayList<>();
  private final List<Measurement> measurements = new ArrayList<>();
  private final NDList best = new NDList();
  private int bestStep = NONE;
  private @Nullable String stopped;

  /** Whether monitors and listeners have observed the model after the current step. */
  private boolean looked;

  /** Whether training has begun with a change. */
  private boolean started;

  GradientRun(GradientTrainer trainer, TrainingTask task, TrainingSession session) {
    this.trainer = trainer;
    this.task = task;
    this.session = session;
    optimizer = session.optimizer(trainer.optimizer());
    texts = TextEmbeddings.of(task.model(), task.weights());
    own = task.model().manager().newSubManager();
    average =
        trainer.average().isPresent()
            ? session.withoutGradients(() ->
                ExponentialAverage.constant(
                    session.weights(), trainer.average().getAsDouble(), own))
            : null;
    gradients =
        trainer.redirection().isPresent()
            ? new RedirectionGradients(trainer, trainer.redirection().get(), task, session, texts)
            : new ObjectiveGradients(
                trainer,
                task,
                session,
                texts,
                new TeacherPredictions(own, trainer.batchPool()),
                average);
  }

  TrainingResult toTheEnd() {
    restore();
    try {
      observeOnce();
      start();
      if (!done() && trainer.requirements().preparesAnchorImages()) {
        session.withBaseWeights(() -> {
          task.batches().prepare();
          return true;
        });
      }
      while (!done()) {
        task.checkCancelled();
        step(history.size() + 1);
        observeOnce();
        if (done() || task.savesAfter(history.size())) {
          task.save(state());
        }
      }
    } catch (CancellationException e) {
      saveAfter(e);
      throw e;
    }
    return result();
  }

  private boolean done() {
    return stopped != null || history.size() >= trainer.steps();
  }

  /** Applies the change to begin with, after the base model has been measured. */
  private void start() {
    if (!history.isEmpty() || trainer.start().isEmpty()) {
      return;
    }
    task.checkCancelled();
    try (NDManager scope = task.model().newScope()) {
      session.withoutGradients(() -> {
        Map<String, NDArray> found = trainer.start().get().weights(task, scope);
        NDList weights = new NDList();
        for (int i = 0; i < session.names().size(); i++) {
          NDArray trained = session.weights().get(i);
          weights.add(found.getOrDefault(session.names().get(i), trained));
        }
        session.restore(weights);
        if (average != null) {
          average.restart(weights);
        }
        return weights;
      });
    }
    started = true;
    looked = false;
    observeOnce();
  }

  // Steps

  private void step(int step) {
    double rate = trainer.learningRate() * factor(step);
    TrainingResult.Step made;
    try (NDManager scope = task.model().newScope()) {
      Gradients found = explainingMemory(() -> gradients.of(step, scope));
      if (!Double.isFinite(found.loss())) {
        throw new TrainingDivergedException(step, found.loss(), Double.NaN, rate);
      }
      double norm = optimizer.step(found.values(), rate, trainer.maxGradientNorm());
      if (!Double.isFinite(norm)) {
        throw new TrainingDivergedException(step, found.loss(), norm, rate);
      }
      made = new TrainingResult.Step(found.loss(), norm);
    }
    if (average != null) {
      ExponentialAverage kept = average;
      session.withoutGradients(() -> {
        kept.update(step);
        return kept;
      });
    }
    history.add(made);
    looked = false;
    task.emit(
        new AblationEvent.StepCompleted(
            step,
            trainer.steps(),
            made.loss(),
            made.gradientNorm(),
            rate,
            Duration.ofNanos(System.nanoTime() - start)));
  }

  private static Gradients explainingMemory(Supplier<Gradients> body) {
    try {
      return body.get();
    } catch (RuntimeException e) {
      throw OutOfMemory.isCauseOf(e) ? OutOfMemory.explained("a training step", e) : e;
    }
  }

  private double factor(int step) {
    double factor = trainer.schedule().factor(step, trainer.steps());
    Preconditions.checkState(
        factor >= 0 && Double.isFinite(factor),
        "schedule '%s' must give a finite factor that is not negative, gave %s at step %s",
        trainer.schedule().name(),
        factor,
        step);
    return factor;
  }

  // Looking

  private void observeOnce() {
    if (!looked) {
      List<Measurement> made = new ArrayList<>();
      if (average == null) {
        session.withoutGradients(() -> observe(made));
      } else {
        StepExtras.averaged(session, average, () -> observe(made));
      }
      measurements.addAll(made);
      looked = true;
      if (stopped != null) {
        task.emit(new AblationEvent.EarlyStopped(history.size(), resultStep(), stopped));
      }
    }
  }

  private List<Measurement> observe(List<Measurement> made) {
    int step = history.size();
    if (task.observesAfter(step, trainer.steps())) {
      task.onStep(progress(made));
    }
    boolean better = false;
    String stop = null;
    for (TrainingMonitor monitor : trainer.monitors()) {
      if (step == 0
          ? monitor.measuresBaseline()
          : step % monitor.everySteps() == 0 || step == trainer.steps()) {
        MonitorDecision decision = monitor.onStep(progress(made));
        decision.measured().forEach((name, value) -> made.add(new Measurement(step, name, value)));
        better |= decision.best();
        stop = stop == null ? decision.stop() : stop;
      }
    }
    made.forEach(
        each -> task.emit(new AblationEvent.Measured(each.step(), each.name(), each.value())));
    if (better) {
      keepAsBest(session.weights(), step);
    }
    stopped = step == 0 && !started ? null : stop;
    return made;
  }

  private TrainingProgress progress(List<Measurement> made) {
    List<Measurement> all = new ArrayList<>(measurements);
    all.addAll(made);
    return new TrainingProgress(
        task.model(), history.size(), trainer.steps(), history, all, task::cancelled);
  }

  private void keepAsBest(NDList weights, int step) {
    NDList before = new NDList(best);
    best.clear();
    before.close();
    for (NDArray weight : weights) {
      best.add(EngineArrays.copy(weight, own));
    }
    bestStep = step;
  }

  // Saved states

  private TrainingState state() {
    Map<String, NDArray> arrays = new LinkedHashMap<>();
    NDList moments = optimizer.moments();
    int count = session.names().size();
    for (int i = 0; i < count; i++) {
      String name = session.names().get(i);
      arrays.put(WEIGHT + name, session.weights().get(i));
      arrays.put(FIRST + name, moments.get(i));
      arrays.put(SECOND + name, moments.get(count + i));
      if (bestStep != NONE) {
        arrays.put(BEST + name, best.get(i));
      }
      if (average != null) {
        arrays.put(AVERAGE + name, average.values().get(i));
      }
    }
    Map<String, String> values = new LinkedHashMap<>();
    gradients.save(arrays, values);
    values.put(OPTIMIZER_STEPS, Long.toString(optimizer.steps()));
    values.put(BEST_STEP, Integer.toString(bestStep));
    values.put(LOOKED, Boolean.toString(looked));
    if (stopped != null) {
      values.put(STOPPED, stopped);
    }
    return new TrainingState(history.size(), history, measurements, arrays, values);
  }

  /** Before the first step there is nothing to save. */
  private void saveAfter(CancellationException cancellation) {
    if (!history.isEmpty()) {
      try {
        task.save(state());
      } catch (RuntimeException e) {
        cancellation.addSuppressed(e);
      }
    }
  }

  private void restore() {
    try (NDManager scope = task.model().newScope()) {
      Optional<TrainingState> saved = task.saved(scope).filter(state -> state.step() > 0);
      if (saved.isPresent()) {
        session.withoutGradients(() -> restore(saved.get()));
      }
      if (!done()) {
        gradients.prepare(saved);
      }
    }
  }

  private TrainingState restore(TrainingState saved) {
    session.restore(list(saved, WEIGHT));
    NDList moments = list(saved, FIRST);
    moments.addAll(list(saved, SECOND));
    optimizer.restore(moments, Long.parseLong(value(saved, OPTIMIZER_STEPS)));
    history.addAll(saved.history());
    measurements.addAll(saved.measurements());
    looked = Boolean.parseBoolean(value(saved, LOOKED));
    stopped = saved.values().get(STOPPED);
    if (average != null) {
      average.restart(list(saved, AVERAGE));
    }
    int step = Integer.parseInt(value(saved, BEST_STEP));
    if (step != NONE) {
      keepAsBest(list(saved, BEST), step);
    }
    return saved;
  }

  private static String value(TrainingState saved, String name) {
    String value = saved.values().get(name);
    Preconditions.checkArgument(value != null, "the saved state lacks '%s'", name);
    return Objects.requireNonNull(value);
  }

  private NDList list(TrainingState saved, String kind) {
    NDList list = new NDList();
    for (String name : session.names()) {
      NDArray array = saved.arrays().get(kind + name);
      Preconditions.checkArgument(array != null, "the saved state lacks '%s%s'", kind, name);
      list.add(array);
    }
    return list;
  }

  // The end

  private int resultStep() {
    return bestStep != NONE ? bestStep : history.size();
  }

  private TrainingResult result() {
    if (bestStep != NONE) {
      session.restore(best);
    } else if (average != null) {
      session.restore(average.values());
    }
    String reason = stopped;
    int steps = history.size();
    TrainingOutcome outcome =
        reason == null
            ? TrainingOutcome.complete(steps, resultStep())
            : new TrainingOutcome(steps, resultStep(), true, reason);
    return new TrainingResult(changes(copies()), history, measurements, outcome);
  }

  private Map<String, WeightChange> changes(Map<String, NDArray> trained) {
    Map<String, WeightChange> changes = new LinkedHashMap<>();
    Optional<Lora> lora = trainer.lora();
    if (lora.isPresent()) {
      LoraFactors.pairs(trained, lora.get().scale())
          .forEach((name, factors) -> changes.put(name, WeightChange.lowRank(factors)));
    } else {
      trained.forEach((name, weight) -> changes.put(name, WeightChange.replacing(weight)));
    }
    return changes;
  }

  private Map<String, NDArray> copies() {
    Map<String, NDArray> copies = new LinkedHashMap<>();
    for (int i = 0; i < session.names().size(); i++) {
      NDArray weight = session.weights().get(i);
      NDArray copy = session.withoutGradients(() -> EngineArrays.copy(weight, task.resultScope()));
      copies.put(session.names().get(i), copy);
    }
    return copies;
  }

  @Override
  public void close() {
    gradients.close();
    own.close();
    texts.close();
  }
}
