package dev.ablation.djl.train;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ablation.model.Conditioning;
import dev.ablation.model.Differentiable;
import dev.ablation.model.Differentiable.GradientOptions;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.InputDifferentiable;
import dev.ablation.model.TrainingSession;
import dev.ablation.model.TrainingSession.Gradients;
import dev.ablation.model.WeightInfo;
import dev.ablation.objective.Losses;
import dev.ablation.objective.ObjectiveContext;
import dev.ablation.objective.Teacher;
import dev.ablation.objective.TrainingBatch;
import dev.ablation.random.RandomStreams;
import dev.ablation.safetensors.SafetensorsFile;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.schedule.PredictionType;
import dev.ablation.train.TrainingTask;
import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/** Looks into the first step of a run: noised latents, predictions, target and gradients. */
final class FirstStepProbe {
  /** Gradients that are shorter than this share of the largest are as good as zero. */
  private static final double SMALL = 1e-6;

  private final TrainingTask task;
  private final int batchSize;
  private final boolean detach;

  private final double gradientTolerance;
  private final double predictionTolerance;
  private boolean withGradients = true;

  FirstStepProbe(TrainingTask task, int batchSize, boolean detach) {
    this(task, batchSize, detach, 1e-4, 2e-5);
  }

  FirstStepProbe(
      TrainingTask task,
      int batchSize,
      boolean detach,
      double gradientTolerance,
      double predictionTolerance) {
    this.task = task;
    this.batchSize = batchSize;
    this.detach = detach;
    this.gradientTolerance = gradientTolerance;
    this.predictionTolerance = predictionTolerance;
  }

  /** Whether the file has gradients. */
  FirstStepProbe withGradients(boolean gradients) {
    withGradients = gradients;
    return this;
  }

  Set<String> compare(SafetensorsFile golden, NDManager scope) throws IOException {
    DiffusionModel model = task.model();
    List<String> names = task.weights().stream().map(WeightInfo::name).toList();
    Set<String> compared = new TreeSet<>();
    try (TrainingSession session =
        model
            .capability(Differentiable.class)
            .orElseThrow()
            .train(names, new GradientOptions(detach, task.rows(), true))) {
      Recorder context =
          new Recorder(
              model,
              session,
              !task.rows().isEmpty(),
              task.batches().batch(1, batchSize, scope),
              task.batches().priorBatch(1, batchSize, scope),
              scope);
      Gradients gradients = session.gradients(() -> task.objective().loss(context), scope);
      double largest = largest(golden, scope);
      for (int i = 0; withGradients && largest > 0 && i < names.size(); i++) {
        String tensor = "step0.grad." + names.get(i).substring(names.get(i).indexOf('.') + 1);
        relative(
            tensor,
            gradients.values().get(i),
            golden,
            gradientTolerance,
            SMALL * largest,
            scope,
            compared);
      }
      for (Map.Entry<String, NDArray> seen : context.seen.entrySet()) {
        if (golden.tensors().containsKey(seen.getKey())) {
          relative(seen.getKey(), seen.getValue(), golden, predictionTolerance, 0, scope, compared);
        }
      }
    }
    return compared;
  }

  /** The 2-norm of the largest gradient. */
  private static double largest(SafetensorsFile golden, NDManager scope) throws IOException {
    double largest = 0;
    for (String tensor : golden.tensors().keySet()) {
      if (tensor.startsWith("step0.grad.")) {
        largest =
            Math.max(largest, Math.sqrt(golden.read(tensor, scope).square().sum().getFloat()));
      }
    }
    return largest;
  }

  /** A length below {@code small} counts as that. */
  private static void relative(
      String tensor,
      NDArray mine,
      SafetensorsFile golden,
      double tolerance,
      double small,
      NDManager scope,
      Set<String> compared)
      throws IOException {
    NDArray expected = golden.read(tensor, scope);
    assertThat(mine.getShape()).as(tensor).isEqualTo(expected.getShape());
    double distance = Math.sqrt(mine.sub(expected).square().sum().getFloat());
    double length = Math.sqrt(expected.square().sum().getFloat());
    assertThat(distance / Math.max(length, small))
        .as("relative distance of " + tensor)
        .isLessThan(tolerance);
    compared.add(tensor);
  }

  /** An objective's context that keeps what it hands out. */
  private static final class Recorder implements ObjectiveContext {
    final DiffusionModel model;
    final TrainingSession session;
    final boolean encoderTrains;
    final TrainingBatch batch;
    final Optional<TrainingBatch> prior;
    final NDManager scope;
    final Map<String, NDArray> seen = new HashMap<>();
    @Nullable NDArray aim;

    Recorder(
        DiffusionModel model,
        TrainingSession session,
        boolean encoderTrains,
        TrainingBatch batch,
        Optional<TrainingBatch> prior,
        NDManager scope) {
      this.model = model;
      this.session = session;
      this.encoderTrains = encoderTrains;
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
      NDArray noised = noised(of);
      Conditioning text =
          encoderTrains
              ? model.encode(prompts, scope)
              : session.withoutGradients(() -> model.encode(prompts, scope));
      NDArray prediction = model.predict(noised, of.timesteps(), text.with(of.conditions()));
      // The golden data has the prior's rows below the pairs'.
      keep("step0.noisy_latents", noised);
      keep("step0.model_pred", prediction);
      if (of == batch) {
        keep("step0.target", aim != null ? aim : Losses.denoisingTarget(this, of));
      }
      return prediction;
    }

    @Override
    public NDArray predict(Teacher teacher, TrainingBatch of, List<String> prompts) {
      NDArray noised = noised(of);
      NDArray prediction =
          session.withoutGradients(() ->
              model.predict(
                  noised, of.timesteps(), model.encode(prompts, scope).with(of.conditions())));
      aim = session.withoutGradients(prediction::duplicate);
      aim.attach(scope);
      return prediction;
    }

    // The objectives of the golden runs predict for prompts alone.

    @Override
    public Conditioning encode(List<String> prompts) {
      return model.encode(prompts, scope);
    }

    @Override
    public Conditioning encode(Teacher teacher, List<String> prompts) {
      return session.withoutGradients(() -> model.encode(prompts, scope));
    }

    @Override
    public NDArray noised(TrainingBatch of) {
      return model.schedule().addNoise(of.latents(), of.noise(), of.timesteps());
    }

    @Override
    public NDArray predict(TrainingBatch of, Conditioning conditioning) {
      return predict(noised(of), of.timesteps(), conditioning.with(of.conditions()));
    }

    @Override
    public NDArray predict(Teacher teacher, TrainingBatch of, Conditioning conditioning) {
      return session.withoutGradients(() -> predict(of, conditioning));
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

    private void keep(String name, NDArray array) {
      NDArray copy =
          session.withoutGradients(
              () -> seen.containsKey(name) ? seen.get(name).concat(array, 0) : array.duplicate());
      copy.attach(scope);
      seen.put(name, copy);
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
    public RandomGenerator random(String purpose) {
      return RandomStreams.stream(0, purpose, 0);
    }

    @Override
    public NDManager scope() {
      return scope;
    }
  }
}
