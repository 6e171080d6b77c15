package dev.ablation.train;

import ai.djl.ndarray.NDManager;
import dev.ablation.event.AblationEvent;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.WeightInfo;
import dev.ablation.objective.AblationObjective;
import java.util.List;

/** The task of the trainer that gradient descent starts from: it saves no state of its own. */
record StartTask(TrainingTask task, List<WeightInfo> weights, NDManager resultScope)
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
  public AblationObjective objective() {
    return task.objective();
  }

  @Override
  public long seed() {
    return task.seed();
  }

  @Override
  public BatchSource batches() {
    return task.batches();
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
  public void emit(AblationEvent event) {
    task.emit(event);
  }
}
