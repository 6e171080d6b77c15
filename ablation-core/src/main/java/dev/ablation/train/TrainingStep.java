package dev.ablation.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ablation.model.Conditioning;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.TrainingSession;
import dev.ablation.objective.ObjectiveContext;
import dev.ablation.objective.Teacher;
import dev.ablation.objective.TrainingBatch;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.schedule.PredictionType;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** One step as an objective sees it. Noised latents are made once a batch. */
final class TrainingStep implements ObjectiveContext {
  private final DiffusionModel model;
  private final TrainingSession session;
  private final PromptCache prompts;
  private final TrainingBatch batch;
  private final Optional<TrainingBatch> prior;
  private final NDManager scope;
  private final IdentityHashMap<TrainingBatch, NDArray> noised = new IdentityHashMap<>();

  private TrainingStep(
      DiffusionModel model,
      TrainingSession session,
      PromptCache prompts,
      TrainingBatch batch,
      Optional<TrainingBatch> prior,
      NDManager scope) {
    this.model = model;
    this.session = session;
    this.prompts = prompts;
    this.batch = batch;
    this.prior = prior;
    this.scope = scope;
  }

  static TrainingStep draw(
      TrainingTask task,
      TrainingSession session,
      PromptCache prompts,
      int step,
      int batchSize,
      NDManager scope) {
    TrainingBatch batch = task.batches().batch(step, batchSize, scope);
    Optional<TrainingBatch> prior =
        task.objective().usesPriorBatch()
            ? task.batches().priorBatch(step, batchSize, scope)
            : Optional.empty();
    return new TrainingStep(task.model(), session, prompts, batch, prior, scope);
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
  public NDArray predict(TrainingBatch of, List<String> texts) {
    return model.predict(noised(of), of.timesteps(), prompts.encode(texts, session, scope));
  }

  @Override
  public NDArray predict(Teacher teacher, TrainingBatch of, List<String> texts) {
    return switch (teacher) {
      case CURRENT_WEIGHTS -> session.withoutGradients(() -> predict(of, texts));
      case FROZEN_WEIGHTS -> session.withBaseWeights(() -> predict(of, texts));
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

  /** Text states of prompts seen before: the text encoder does not change during training. */
  static final class PromptCache implements AutoCloseable {
    /** A run draws from at most a few thousand prompts; 77 x 768 floats each are 0.2 MB. */
    private static final int CAPACITY = 2048;

    private final DiffusionModel model;
    private final NDManager manager;
    private final Map<String, Conditioning> encoded = new HashMap<>();

    PromptCache(DiffusionModel model) {
      this.model = model;
      manager = model.manager().newSubManager();
    }

    Conditioning encode(List<String> texts, TrainingSession session, NDManager scope) {
      return session.withoutGradients(() -> {
        List<Conditioning> rows = new ArrayList<>();
        for (String text : texts) {
          Conditioning row = encoded.get(text);
          if (row == null) {
            boolean keep = encoded.size() < CAPACITY;
            row = model.encode(List.of(text), keep ? manager : scope);
            if (keep) {
              encoded.put(text, row);
            }
          }
          rows.add(row);
        }
        return rows.size() == 1 ? rows.get(0) : Conditioning.concat(rows).attach(scope);
      });
    }

    @Override
    public void close() {
      manager.close();
    }
  }
}
