package dev.ablation.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.TrainingSession;
import dev.ablation.objective.ObjectiveContext;
import dev.ablation.objective.Teacher;
import dev.ablation.objective.TrainingBatch;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.schedule.PredictionType;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Optional;

/** One step as an objective sees it. Noised latents are made once a batch. */
final class TrainingStep implements ObjectiveContext {
  private final DiffusionModel model;
  private final TrainingSession session;
  private final TextEmbeddings texts;
  private final TrainingBatch batch;
  private final Optional<TrainingBatch> prior;
  private final NDManager scope;
  private final IdentityHashMap<TrainingBatch, NDArray> noised = new IdentityHashMap<>();

  TrainingStep(
      DiffusionModel model,
      TrainingSession session,
      TextEmbeddings texts,
      TrainingBatch batch,
      Optional<TrainingBatch> prior,
      NDManager scope) {
    this.model = model;
    this.session = session;
    this.texts = texts;
    this.batch = batch;
    this.prior = prior;
    this.scope = scope;
  }

  @Override
  public TrainingBatch batch() {
    return batch;
  }

  @Override
  public Optional<TrainingBatch> priorBatch() {
    return prior;
  }

  @Override
  public NDArray predict(TrainingBatch of, List<String> prompts) {
    return model.predict(noised(of), of.timesteps(), texts.of(prompts, session, scope));
  }

  @Override
  public NDArray predict(Teacher teacher, TrainingBatch of, List<String> prompts) {
    return switch (teacher) {
      case CURRENT_WEIGHTS -> session.withoutGradients(() -> predict(of, prompts));
      case FROZEN_WEIGHTS -> session.withBaseWeights(() -> predict(of, prompts));
    };
  }

  private NDArray noised(TrainingBatch of) {
    return noised.computeIfAbsent(
        of, key -> model.schedule().addNoise(key.latents(), key.noise(), key.timesteps()));
  }

  @Override
  public PredictionType predictionType() {
    return model.predictionType();
  }

  @Override
  public NoiseSchedule schedule() {
    return model.schedule();
  }

  @Override
  public NDManager scope() {
    return scope;
  }
}
