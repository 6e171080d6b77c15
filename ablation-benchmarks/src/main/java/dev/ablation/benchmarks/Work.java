package dev.ablation.benchmarks;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.model.AdamW;
import dev.ablation.model.Capabilities;
import dev.ablation.model.Conditioning;
import dev.ablation.model.Differentiable;
import dev.ablation.model.Differentiable.GradientOptions;
import dev.ablation.model.Optimizer;
import dev.ablation.model.TrainingSession;
import dev.ablation.model.TrainingSession.Gradients;
import dev.ablation.model.WeightGroup;
import dev.ablation.model.WeightInfo;
import dev.ablation.objective.Losses;
import dev.ablation.sample.LatentSampler;
import dev.ablation.sample.NoiseSource;
import dev.ablation.sample.Sampler;
import dev.ablation.sample.SamplingSettings;
import java.util.List;

/**
 * A {@link Scenario} on a model, ready to be repeated. The Python peer computes the same from the
 * same numbers, so the results can be compared.
 */
abstract class Work implements AutoCloseable {
  static final String TARGET = "a photo of a grumpy cat";
  static final String ANCHOR = "a photo of a cat";
  static final double LEARNING_RATE = 1.6e-5;
  static final double GUIDANCE = 7.5;

  final StableDiffusion model;
  final NDManager manager;
  final NDArray latents;

  private Work(StableDiffusion model) {
    this.model = model;
    manager = model.manager().newSubManager();
    latents =
        numbers(
            model.descriptor().latentChannels(),
            model.descriptor().latentHeight(),
            model.descriptor().latentWidth());
  }

  /** Prepares a scenario; {@code steps} counts for sampling alone. */
  static Work of(Scenario scenario, StableDiffusion model, int steps) {
    return switch (scenario) {
      case FORWARD -> new Forward(model);
      case STEP -> new Step(model);
      case SAMPLING -> new Sampling(model, steps);
    };
  }

  /** Does the work once and returns a number that depends on the whole result. */
  abstract double once();

  @Override
  public void close() {
    manager.close();
  }

  /** Numbers in the range of noise that every language computes alike: 1.4 sin(0.7 i). */
  private NDArray numbers(long channels, long height, long width) {
    float[] values = new float[(int) (channels * height * width)];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (1.4 * Math.sin(0.7 * i));
    }
    return manager.create(values, new Shape(1, channels, height, width));
  }

  private static double size(NDArray array) {
    try (NDArray absolute = array.abs();
        NDArray mean = absolute.mean()) {
      return mean.getFloat();
    }
  }

  private static final class Forward extends Work {
    private final Conditioning text;
    private final NDArray timestep;

    Forward(StableDiffusion model) {
      super(model);
      text = model.encode(List.of(TARGET), manager);
      timestep = manager.create(new long[] {500});
    }

    @Override
    double once() {
      try (NDArray prediction = model.predict(latents, timestep, text)) {
        return size(prediction);
      }
    }
  }

  private static final class Step extends Work {
    private final Conditioning target;
    private final Conditioning anchor;
    private final NDArray timestep;
    private final TrainingSession session;
    private final Optimizer optimizer;

    Step(StableDiffusion model) {
      super(model);
      target = model.encode(List.of(TARGET), manager);
      anchor = model.encode(List.of(ANCHOR), manager);
      timestep = manager.create(new long[] {500});
      List<String> names =
          WeightGroup.crossAttentionKeyValue().select(model.weights()).stream()
              .map(WeightInfo::name)
              .toList();
      session =
          Capabilities.require(model, Differentiable.class, "a training step")
              .train(names, GradientOptions.reference());
      optimizer = session.optimizer(AdamW.reference());
    }

    @Override
    double once() {
      try (NDManager scope = manager.newSubManager()) {
        NDArray noised = latents.duplicate();
        noised.attach(scope); // owns what is computed from it, as in a real step
        Shape shape = latents.getShape();
        NDArray mask = scope.ones(new Shape(1, 1, shape.get(2), shape.get(3)));
        Gradients gradients =
            session.gradients(
                () -> {
                  NDArray aim =
                      session.withoutGradients(() -> model.predict(noised, timestep, anchor));
                  return Losses.masked(model.predict(noised, timestep, target), aim, mask);
                },
                scope);
        optimizer.step(gradients.values(), LEARNING_RATE, 1);
        return gradients.loss();
      }
    }

    @Override
    public void close() {
      session.close();
      super.close();
    }
  }

  private static final class Sampling extends Work {
    private final LatentSampler sampler;
    private final NoiseSource noise;

    Sampling(StableDiffusion model, int steps) {
      super(model);
      sampler =
          LatentSampler.of(model)
              .settings(
                  SamplingSettings.defaults()
                      .sampler(Sampler.ddim())
                      .steps(steps)
                      .guidanceScale(GUIDANCE));
      noise = NoiseSource.ofInitial(latents, NoiseSource.ofSeed(0));
    }

    @Override
    double once() {
      try (NDArray sampled = sampler.sample(List.of(TARGET), noise, manager)) {
        return size(sampled);
      }
    }
  }
}
