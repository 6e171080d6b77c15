package dev.ablation.attack;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.LatentSize;
import dev.ablation.objective.TimestepWeighting;
import dev.ablation.random.RandomStreams;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.schedule.TimestepSampling;
import java.util.List;
import java.util.function.DoubleUnaryOperator;
import java.util.random.RandomGenerator;

/** The loss that a model was trained with, on an attacker's images. */
final class DenoisingLoss {
  private final DiffusionModel model;
  private final List<DescribedImage> examples;
  private final NDArray clean;
  private final int batchSize;
  private final TimestepSampling times;
  private final DoubleUnaryOperator weights;
  private final long seed;
  private final String purpose;

  /**
   * Prepares.
   *
   * @param model to train
   * @param examples images and prompts
   * @param clean the images' latents, (n, C, H, W)
   * @param batchSize of a step
   * @param times where noise levels are drawn from
   * @param weighting of the errors
   * @param seed of the choices
   * @param purpose of the random numbers
   */
  DenoisingLoss(
      DiffusionModel model,
      List<DescribedImage> examples,
      NDArray clean,
      int batchSize,
      TimestepSampling times,
      TimestepWeighting weighting,
      long seed,
      String purpose) {
    this.model = model;
    this.examples = examples;
    this.clean = clean;
    this.batchSize = batchSize;
    this.times = times;
    weights = weighting.on(model.schedule());
    this.seed = seed;
    this.purpose = purpose;
  }

  /** The weighted squared error of the prediction, on images, noise and times of a step. */
  NDArray at(int step, NDManager scope) {
    RandomGenerator random = RandomStreams.stream(seed, purpose, step);
    NoiseSchedule schedule = model.schedule();
    int[] chosen = new int[batchSize];
    String[] prompts = new String[batchSize];
    for (int i = 0; i < batchSize; i++) {
      chosen[i] = random.nextInt(examples.size());
      List<String> described = examples.get(chosen[i]).prompts();
      prompts[i] = described.get(random.nextInt(described.size()));
    }
    double[] drawn = times.draw(batchSize, schedule, random);
    float[] weight = new float[batchSize];
    for (int i = 0; i < batchSize; i++) {
      weight[i] = (float) weights.applyAsDouble(drawn[i]);
    }
    NDArray latents = LatentImages.inEngine(clean.get(scope.create(chosen)), scope);
    Shape shape = latents.getShape();
    NDArray noise = LatentImages.inEngine(RandomStreams.gaussian(scope, shape, random), scope);
    NDArray at = LatentImages.inEngine(schedule.toArray(drawn, scope), scope);
    NDArray noised = schedule.addNoise(latents, noise, at);
    NDArray aim = schedule.target(model.predictionType(), latents, noise, at);
    NDArray factor = LatentImages.inEngine(scope.create(weight).reshape(batchSize, 1, 1, 1), scope);
    return model
        .predict(noised, at, model.encode(List.of(prompts), LatentSize.of(shape), scope))
        .sub(aim)
        .square()
        .mul(factor)
        .mean();
  }
}
