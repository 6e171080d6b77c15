package dev.ablation.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ablation.model.Capabilities;
import dev.ablation.model.Conditioning;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.InputDifferentiable;
import dev.ablation.model.TrainingSession;
import dev.ablation.objective.ObjectiveContext;
import dev.ablation.objective.Teacher;
import dev.ablation.objective.TrainingBatch;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.schedule.PredictionType;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;

/** One step as an objective sees it. Noised latents are computed once per batch. */
final class TrainingStep implements ObjectiveContext {
  private final DiffusionModel model;
  private final TrainingSession session;
  private final TextEmbeddings texts;
  private final TrainingBatch batch;
  private final Optional<TrainingBatch> prior;
  private final NDManager scope;
  private final TeacherPredictions.Of teacher;
  private final StepExtras extras;
  private final IdentityHashMap<TrainingBatch, NDArray> noised = new IdentityHashMap<>();

  TrainingStep(
      DiffusionModel model,
      TrainingSession session,
      TextEmbeddings texts,
      TrainingBatch batch,
      Optional<TrainingBatch> prior,
      NDManager scope,
      TeacherPredictions.Of teacher,
      StepExtras extras) {
    this.model = model;
    this.session = session;
    this.texts = texts;
    this.batch = batch;
    this.prior = prior;
    this.scope = scope;
    this.teacher = teacher;
    this.extras = extras;
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
    return predict(of, texts.of(prompts, of.latentSize(), session, scope));
  }

  @Override
  public NDArray predict(Teacher by, TrainingBatch of, List<String> prompts) {
    boolean another = prior.filter(batch -> batch == of).isPresent();
    return by == Teacher.FROZEN_WEIGHTS && (of == batch || another)
        ? teacher.get(another, prompts, () -> by(by, () -> predict(of, prompts)))
        : by(by, () -> predict(of, prompts));
  }

  @Override
  public Conditioning encode(List<String> prompts) {
    return texts.of(prompts, batch.latentSize(), session, scope);
  }

  @Override
  public Conditioning encode(Teacher teacher, List<String> prompts) {
    return by(teacher, () -> encode(prompts));
  }

  @Override
  public NDArray predict(NDArray latents, NDArray timesteps, Conditioning conditioning) {
    return model.predict(latents, timesteps, conditioning);
  }

  @Override
  public NDArray predict(
      Teacher teacher, NDArray latents, NDArray timesteps, Conditioning conditioning) {
    return by(teacher, () -> predict(latents, timesteps, conditioning));
  }

  private <T> T by(Teacher teacher, Supplier<T> body) {
    return switch (teacher) {
      case CURRENT_WEIGHTS -> session.withoutGradients(body);
      case FROZEN_WEIGHTS -> session.withBaseWeights(body);
      case AVERAGED_WEIGHTS -> extras.averaged(session, body);
    };
  }

  @Override
  public NDArray noised(TrainingBatch of) {
    return noised.computeIfAbsent(
        of, key -> model.schedule().addNoise(key.latents(), key.noise(), key.timesteps()));
  }

  @Override
  public InputDifferentiable inputGradients() {
    return Capabilities.require(
        model, InputDifferentiable.class, "an objective with gradients of its inputs");
  }

  @Override
  public RandomGenerator random(String purpose) {
    return extras.random(purpose);
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
