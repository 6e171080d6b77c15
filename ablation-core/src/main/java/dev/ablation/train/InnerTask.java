package dev.ablation.train;

import dev.ablation.event.AblationEvent;
import dev.ablation.model.DiffusionModel;
import java.util.List;

/** The task of a trainer within another one: of the same model, prompts, seed and listeners. */
interface InnerTask extends TrainingTask {
  /** The task of the trainer around it. */
  TrainingTask task();

  @Override
  default DiffusionModel model() {
    return task().model();
  }

  @Override
  default List<TrainingPair> pairs() {
    return task().pairs();
  }

  @Override
  default double preservationWeight() {
    return task().preservationWeight();
  }

  @Override
  default long seed() {
    return task().seed();
  }

  @Override
  default void checkCancelled() {
    task().checkCancelled();
  }

  @Override
  default boolean cancelled() {
    return task().cancelled();
  }

  @Override
  default void emit(AblationEvent event) {
    task().emit(event);
  }
}
