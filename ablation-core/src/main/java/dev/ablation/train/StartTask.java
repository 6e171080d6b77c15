package dev.ablation.train;

import ai.djl.ndarray.NDManager;
import dev.ablation.model.WeightInfo;
import dev.ablation.objective.AblationObjective;
import java.util.List;

/** The task of the trainer that gradient descent starts from: it saves no state of its own. */
record StartTask(TrainingTask task, List<WeightInfo> weights, NDManager resultScope)
    implements InnerTask {
  @Override
  public AblationObjective objective() {
    return task.objective();
  }

  @Override
  public BatchSource batches() {
    return task.batches();
  }
}
