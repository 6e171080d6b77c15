package dev.ablation.run;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ablation.model.Conditioning;
import dev.ablation.model.InputDifferentiable;
import dev.ablation.objective.AblationObjective;
import dev.ablation.objective.ObjectiveContext;
import dev.ablation.objective.Teacher;
import dev.ablation.objective.TrainingBatch;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.schedule.PredictionType;
import java.util.List;
import java.util.Optional;
import java.util.random.RandomGenerator;

/** Counts the latents that objectives send through the network. */
final class ForwardPassCounter {
  private long pairs;
  private long prior;

  long pairs() {
    return pairs;
  }

  long prior() {
    return prior;
  }

  AblationObjective counting(AblationObjective objective) {
    return new AblationObjective() {
      @Override
      public NDArray loss(ObjectiveContext context) {
        return objective.loss(new Counting(context));
      }

      @Override
      public String name() {
        return objective.name();
      }

      @Override
      public boolean usesPriorBatch() {
        return objective.usesPriorBatch();
      }

      @Override
      public boolean usesAveragedWeights() {
        return objective.usesAveragedWeights();
      }

      @Override
      public boolean usesAnchorImages() {
        return objective.usesAnchorImages();
      }
    };
  }

  private final class Counting implements ObjectiveContext {
    private final ObjectiveContext context;

    Counting(ObjectiveContext context) {
      this.context = context;
    }

    private void count(TrainingBatch batch) {
      if (context.priorBatch().filter(other -> other == batch).isPresent()) {
        prior += batch.size();
      } else {
        pairs += batch.size();
      }
    }

    @Override
    public NDArray predict(TrainingBatch batch, List<String> prompts) {
      count(batch);
      return context.predict(batch, prompts);
    }

    @Override
    public NDArray predict(Teacher teacher, TrainingBatch batch, List<String> prompts) {
      count(batch);
      return context.predict(teacher, batch, prompts);
    }

    @Override
    public NDArray predict(TrainingBatch batch, Conditioning conditioning) {
      count(batch);
      return context.predict(batch, conditioning);
    }

    @Override
    public NDArray predict(Teacher teacher, TrainingBatch batch, Conditioning conditioning) {
      count(batch);
      return context.predict(teacher, batch, conditioning);
    }

    @Override
    public NDArray predict(NDArray noised, NDArray timesteps, Conditioning conditioning) {
      pairs += noised.getShape().get(0);
      return context.predict(noised, timesteps, conditioning);
    }

    @Override
    public NDArray predict(
        Teacher teacher, NDArray noised, NDArray timesteps, Conditioning conditioning) {
      pairs += noised.getShape().get(0);
      return context.predict(teacher, noised, timesteps, conditioning);
    }

    @Override
    public Conditioning encode(List<String> prompts) {
      return context.encode(prompts);
    }

    @Override
    public Conditioning encode(Teacher teacher, List<String> prompts) {
      return context.encode(teacher, prompts);
    }

    @Override
    public NDArray noised(TrainingBatch batch) {
      return context.noised(batch);
    }

    @Override
    public InputDifferentiable inputGradients() {
      return context.inputGradients();
    }

    @Override
    public TrainingBatch batch() {
      return context.batch();
    }

    @Override
    public Optional<TrainingBatch> priorBatch() {
      return context.priorBatch();
    }

    @Override
    public RandomGenerator random(String purpose) {
      return context.random(purpose);
    }

    @Override
    public PredictionType predictionType() {
      return context.predictionType();
    }

    @Override
    public NoiseSchedule schedule() {
      return context.schedule();
    }

    @Override
    public NDManager scope() {
      return context.scope();
    }
  }
}
