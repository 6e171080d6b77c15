package dev.ablation.train;

import ai.djl.ndarray.NDManager;
import dev.ablation.event.AblationEvent;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.WeightInfo;
import dev.ablation.objective.AblationObjective;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The task of gradient descent within another trainer, with that trainer's loss and batches. It is
 * saved and resumed as the run's own.
 *
 * @param task of the run
 * @param objective the loss
 * @param batches what it is computed for
 * @param resultScope owner of the result's arrays
 * @param observed whether listeners look at the model meanwhile
 */
record DerivedTask(
    TrainingTask task,
    AblationObjective objective,
    BatchSource batches,
    NDManager resultScope,
    boolean observed)
    implements TrainingTask {
  @Override
  public DiffusionModel model() {
    return task.model();
  }

  @Override
  public List<TrainingPair> pairs() {
    return task.pairs();
  }

  @Override
  public double preservationWeight() {
    return task.preservationWeight();
  }

  @Override
  public List<WeightInfo> weights() {
    return task.weights();
  }

  @Override
  public Map<String, Set<Integer>> rows() {
    return task.rows();
  }

  @Override
  public long seed() {
    return task.seed();
  }

  @Override
  public void checkCancelled() {
    task.checkCancelled();
  }

  @Override
  public boolean cancelled() {
    return task.cancelled();
  }

  @Override
  public Optional<TrainingState> saved(NDManager scope) {
    return task.saved(scope);
  }

  @Override
  public boolean savesAfter(int step) {
    return task.savesAfter(step);
  }

  @Override
  public void save(TrainingState state) {
    task.save(state);
  }

  @Override
  public boolean observesAfter(int step, int steps) {
    return observed && task.observesAfter(step, steps);
  }

  @Override
  public void onStep(TrainingProgress progress) {
    task.onStep(progress);
  }

  @Override
  public void emit(AblationEvent event) {
    task.emit(event);
  }
}
