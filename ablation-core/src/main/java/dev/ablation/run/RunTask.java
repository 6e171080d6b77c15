package dev.ablation.run;

import ai.djl.ndarray.NDManager;
import dev.ablation.concept.Preservation;
import dev.ablation.event.AblationEvent;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.WeightInfo;
import dev.ablation.objective.AblationObjective;
import dev.ablation.train.BatchSource;
import dev.ablation.train.TrainerRequirements;
import dev.ablation.train.TrainingPair;
import dev.ablation.train.TrainingProgress;
import dev.ablation.train.TrainingState;
import dev.ablation.train.TrainingTask;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CancellationException;
import org.jspecify.annotations.Nullable;

/** The task that a trainer receives. */
final class RunTask implements TrainingTask {
  private final RunContext context;
  private final PlanCheck check;
  private final AblationObjective objective;
  private final @Nullable BatchSource batches;
  private final NDManager scope;

  /**
   * Creates a task.
   *
   * @param batches {@code null} if the trainer requires no anchor images
   */
  RunTask(
      RunContext context,
      PlanCheck check,
      AblationObjective objective,
      @Nullable BatchSource batches,
      NDManager scope) {
    this.context = context;
    this.check = check;
    this.objective = objective;
    this.batches = batches;
    this.scope = scope;
  }

  @Override
  public DiffusionModel model() {
    return context.plan().model();
  }

  @Override
  public List<TrainingPair> pairs() {
    return check.pairs().stream().map(ResolvedPair::prompts).toList();
  }

  @Override
  public double preservationWeight() {
    return context.plan().preservation().map(Preservation::weight).orElse(0.0);
  }

  @Override
  public AblationObjective objective() {
    TrainerRequirements requirements = context.plan().trainer().requirements();
    if (!requirements.objective()) {
      throw new IllegalStateException(
          "a trainer must require an objective to ask for it, but its requirements are "
              + requirements);
    }
    return objective;
  }

  @Override
  public List<WeightInfo> weights() {
    return check.weights();
  }

  @Override
  public Map<String, Set<Integer>> rows() {
    return TrainedRows.of(model(), context.plan().targets(), check.weights());
  }

  @Override
  public long seed() {
    return context.seed();
  }

  @Override
  public BatchSource batches() {
    if (batches == null) {
      throw new IllegalStateException(
          "a trainer must require anchor images to ask for batches, but its requirements are "
              + context.plan().trainer().requirements());
    }
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
    return context.cancelled() || Thread.currentThread().isInterrupted();
  }

  @Override
  public Optional<TrainingState> saved(NDManager owner) {
    return context.continuation().saved(owner);
  }

  @Override
  public boolean savesAfter(int step) {
    return context.continuation().savesAfter(step);
  }

  @Override
  public void save(TrainingState state) {
    context.continuation().save(state);
  }

  @Override
  public boolean observesAfter(int step, int steps) {
    return context.events().observesAfter(step, steps);
  }

  @Override
  public void onStep(TrainingProgress progress) {
    context.events().onStep(progress);
  }

  @Override
  public void emit(AblationEvent event) {
    context.events().on(event);
  }
}
