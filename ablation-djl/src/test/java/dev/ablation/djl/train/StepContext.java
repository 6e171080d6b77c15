package dev.ablation.djl.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ablation.model.Conditioning;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.InputDifferentiable;
import dev.ablation.model.TrainingSession;
import dev.ablation.objective.ObjectiveContext;
import dev.ablation.objective.Teacher;
import dev.ablation.objective.TrainingBatch;
import dev.ablation.random.RandomStreams;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.schedule.PredictionType;
import java.util.List;
import java.util.Optional;
import java.util.random.RandomGenerator;

/** A step on given batches; tests override what they want to see. */
class StepContext implements ObjectiveContext {
  final DiffusionModel model;
  final TrainingSession session;
  final TrainingBatch batch;
  private final Optional<TrainingBatch> prior;
  final NDManager scope;

  StepContext(
      DiffusionModel model,
      TrainingSession session,
      TrainingBatch batch,
      Optional<TrainingBatch> prior,
      NDManager scope) {
    this.model = model;
    this.session = session;
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
  public NDArray noised(TrainingBatch of) {
    return model.schedule().addNoise(of.latents(), of.noise(), of.timesteps());
  }

  @Override
  public Conditioning encode(List<String> prompts) {
    return model.encode(prompts, scope);
  }

  @Override
  public Conditioning encode(Teacher teacher, List<String> prompts) {
    return session.withoutGradients(() -> encode(prompts));
  }

  @Override
  public NDArray predict(NDArray noised, NDArray timesteps, Conditioning conditioning) {
    return model.predict(noised, timesteps, conditioning);
  }

  @Override
  public NDArray predict(
      Teacher teacher, NDArray noised, NDArray timesteps, Conditioning conditioning) {
    return session.withoutGradients(() -> predict(noised, timesteps, conditioning));
  }

  @Override
  public InputDifferentiable inputGradients() {
    return model.capability(InputDifferentiable.class).orElseThrow();
  }

  @Override
  public RandomGenerator random(String purpose) {
    return RandomStreams.stream(0, purpose, 0);
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
