package dev.ablation.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.internal.EngineArrays;
import dev.ablation.model.AdamW;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.LatentSize;
import dev.ablation.objective.TimestepWeighting;
import dev.ablation.random.RandomStreams;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.schedule.TimestepSampling;
import java.util.List;
import java.util.Objects;
import java.util.function.DoubleUnaryOperator;
import java.util.random.RandomGenerator;

/**
 * One step of textual inversion (Gal et al. 2022, arXiv 2208.01618, equation 2): the loss that the
 * model itself was trained with, on images that a word is to name, and the optimizer. Whoever
 * learns words, in an attack or beside training, makes this step.
 *
 * @param learningRate of Adam, positive
 * @param timesteps where noise levels are drawn from
 * @param weighting of the errors
 */
@CheckReturnValue
public record InversionStep(
    double learningRate, TimestepSampling timesteps, TimestepWeighting weighting) {
  /** Adam with the usual decays, without weight decay: a word may be anywhere. */
  public static final AdamW OPTIMIZER = new AdamW(0.9, 0.999, 1e-8, 0);

  /** Where the text decides what an image becomes. */
  private static final double FROM = 0.2;

  private static final double SNR_OFFSET = 0.1;

  /** Checks the values. */
  public InversionStep {
    Preconditions.checkArgument(
        learningRate > 0 && Double.isFinite(learningRate),
        "learningRate must be positive, was %s",
        learningRate);
    Objects.requireNonNull(timesteps, "timesteps");
    Objects.requireNonNull(weighting, "weighting");
  }

  /**
   * Learns at the four fifths of the times with the most noise, weighted in proportion to {@code 1
   * / (snr + 0.1)}. There the text decides what an image shows; at the other times the image itself
   * tells, and their errors are noise to the learned word.
   *
   * @param learningRate of Adam, positive
   * @return the step
   */
  public static InversionStep of(double learningRate) {
    return new InversionStep(
        learningRate, TimestepSampling.uniform(FROM, 1), TimestepWeighting.inverseSnr(SNR_OFFSET));
  }

  /**
   * Noises images and computes the weighted squared error of the model's prediction. To be
   * evaluated where gradients are recorded.
   *
   * @param model under attack or under training
   * @param images clean latents, (n, C, H, W), float32, in the engine's memory
   * @param prompts n prompts
   * @param random of times and noise, in this order
   * @param scope owner of all arrays; stays open until the backward pass has ended
   * @return the mean over all numbers, a scalar
   */
  public NDArray loss(
      DiffusionModel model,
      NDArray images,
      List<String> prompts,
      RandomGenerator random,
      NDManager scope) {
    NoiseSchedule schedule = model.schedule();
    DoubleUnaryOperator weights = weighting.on(schedule);
    double[] times = timesteps.draw(prompts.size(), schedule, random);
    float[] weight = new float[times.length];
    for (int i = 0; i < weight.length; i++) {
      weight[i] = (float) weights.applyAsDouble(times[i]);
    }
    NDArray noise =
        EngineArrays.copy(RandomStreams.gaussian(scope, images.getShape(), random), scope);
    NDArray at = EngineArrays.copy(schedule.toArray(times, scope), scope);
    NDArray noised = schedule.addNoise(images, noise, at);
    noised.attach(scope);
    NDArray aim = schedule.target(model.predictionType(), images, noise, at);
    aim.attach(scope);
    NDArray factor =
        EngineArrays.copy(scope.create(weight, new Shape(weight.length, 1, 1, 1)), scope);
    return model
        .predict(noised, at, model.encode(prompts, LatentSize.of(images.getShape()), scope))
        .sub(aim)
        .square()
        .mul(factor)
        .mean();
  }
}
