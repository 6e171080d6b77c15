package dev.ablation.objective;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.schedule.PredictionType;
import org.jspecify.annotations.Nullable;

/** The formulas that objectives share. */
public final class Losses {
  private static final int[] CHANNELS = {1};
  private static final int[] ALL_BUT_BATCH = {1, 2, 3};

  private Losses() {}

  /**
   * The reference's masked squared error: for each image the sum over channels and pixels divided
   * by the number of pixels that count, then the mean over the batch. The mask has one channel, so
   * that with a mask of ones the loss is C times the mean squared error; the published learning
   * rates rest on it.
   *
   * @param prediction (B, C, H, W)
   * @param aim (B, C, H, W)
   * @param mask (B, 1, H, W), or {@code null} if every pixel counts
   * @return a scalar
   */
  public static NDArray masked(NDArray prediction, NDArray aim, @Nullable NDArray mask) {
    NDArray squared = prediction.sub(aim).square();
    if (mask == null) {
      return squared.sum(CHANNELS).mean();
    }
    return squared.mul(mask).sum(ALL_BUT_BATCH).div(mask.sum(ALL_BUT_BATCH)).mean();
  }

  /**
   * {@link #masked} with a weight for each image.
   *
   * @param prediction (B, C, H, W)
   * @param aim (B, C, H, W)
   * @param mask (B, 1, H, W), or {@code null} if every pixel counts
   * @param weights (B), float32; stays open until the backward pass has ended
   * @return a scalar
   */
  public static NDArray weighted(
      NDArray prediction, NDArray aim, @Nullable NDArray mask, NDArray weights) {
    NDArray squared = prediction.sub(aim).square();
    if (mask == null) {
      long pixels = squared.getShape().get(2) * squared.getShape().get(3);
      return scaled(squared.sum(ALL_BUT_BATCH).mul(weights).mean(), 1.0 / pixels);
    }
    return squared.mul(mask).sum(ALL_BUT_BATCH).div(mask.sum(ALL_BUT_BATCH)).mul(weights).mean();
  }

  /**
   * What a network must predict at noised latents to be led to other ones: at {@code x_t = a x + s
   * noise} the noise that leads to {@code aim} is {@code e = (x_t - a aim) / s}, and the prediction
   *
   * <pre>{@code
   * noise:          e
   * v-prediction:   a e - s aim
   * rectified flow: e - aim
   * clean sample:   aim
   * }</pre>
   *
   * @param schedule with a and s of the timesteps
   * @param type what the network predicts
   * @param latents x, clean, (B, C, H, W), float32
   * @param aim clean latents to be led to, (B, C, H, W), float32
   * @param noise standard normal, (B, C, H, W), float32
   * @param timesteps (B), of the schedule's type, each with noise
   * @return (B, C, H, W), attached to the manager of {@code latents}
   */
  public static NDArray redirectionTarget(
      NoiseSchedule schedule,
      PredictionType type,
      NDArray latents,
      NDArray aim,
      NDArray noise,
      NDArray timesteps) {
    double[] times = schedule.toTimes(timesteps);
    float[] ratios = new float[times.length];
    for (int i = 0; i < ratios.length; i++) {
      ratios[i] = (float) (schedule.alpha(times[i]) / schedule.sigma(times[i]));
    }
    try (NDManager scope = latents.getManager().newSubManager()) {
      NDArray ratio = scope.create(ratios, new Shape(ratios.length, 1, 1, 1));
      NDArray difference = latents.sub(aim);
      difference.attach(scope);
      NDArray scaled = difference.mul(ratio);
      scaled.attach(scope);
      NDArray leading = noise.add(scaled);
      leading.attach(scope);
      NDArray target = schedule.target(type, aim, leading, timesteps);
      target.attach(latents.getManager());
      return target;
    }
  }

  /**
   * The squared error of a prediction from {@link #redirectionTarget}, weighted so that it is
   * {@code a^2} times that of the predicted clean latents, whatever the network predicts: by the
   * square of s for noise, a s for a velocity, a for clean latents.
   *
   * @param schedule with a and s of the timesteps
   * @param type what the network predicts
   * @param prediction (B, C, H, W)
   * @param target (B, C, H, W)
   * @param timesteps (B), of the schedule's type
   * @param scope stays open until the backward pass has ended
   * @return a scalar, the mean over all numbers
   */
  public static NDArray redirection(
      NoiseSchedule schedule,
      PredictionType type,
      NDArray prediction,
      NDArray target,
      NDArray timesteps,
      NDManager scope) {
    double[] times = schedule.toTimes(timesteps);
    float[] weights = new float[times.length];
    for (int i = 0; i < weights.length; i++) {
      double alpha = schedule.alpha(times[i]);
      double sigma = schedule.sigma(times[i]);
      double weight =
          switch (type) {
            case EPSILON -> sigma;
            case V_PREDICTION, FLOW -> alpha * sigma;
            case SAMPLE -> alpha;
          };
      weights[i] = (float) (weight * weight);
    }
    NDArray counts = scope.create(weights).duplicate(); // in the engine's memory
    counts.attach(scope);
    return scaled(weighted(prediction, target, null, counts), 1.0 / prediction.getShape().get(1));
  }

  /**
   * What a perfectly denoising network predicts for a batch: the noise, the velocity or the clean
   * latents.
   *
   * @param context gives the prediction type of the network
   * @param batch with its noise and timesteps
   * @return (B, C, H, W)
   */
  public static NDArray denoisingTarget(ObjectiveContext context, TrainingBatch batch) {
    return context
        .schedule()
        .target(context.predictionType(), batch.latents(), batch.noise(), batch.timesteps());
  }

  /**
   * Multiplies with a number where gradients are recorded. DJL's {@code array.mul(number)} must not
   * be used there: on the CPU the number is in a Java buffer, which the garbage collector may free
   * before the backward pass reads it.
   *
   * @param array any shape, float32
   * @param factor any number
   * @return factor times the array, attached to the manager of {@code array}
   */
  public static NDArray scaled(NDArray array, double factor) {
    try (NDArray inEngine =
        array.getManager().full(new Shape(), (float) factor, DataType.FLOAT32)) {
      return array.mul(inEngine);
    }
  }

  static TrainingBatch requirePrior(ObjectiveContext context) {
    return context
        .priorBatch()
        .orElseThrow(() ->
            new IllegalStateException(
                "the objective needs a prior batch, but the batch source draws none"));
  }
}
