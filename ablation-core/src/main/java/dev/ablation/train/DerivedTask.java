package dev.ablation.train;

import ai.djl.ndarray.NDManager;
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
    implements InnerTask {
  @Override
  public List<WeightInfo> weights() {
    return task.weights();
  }

  @Override
  public Map<String, Set<Integer>> rows() {
    return task.rows();
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
}
