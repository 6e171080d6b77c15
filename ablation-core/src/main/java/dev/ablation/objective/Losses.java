package dev.ablation.objective;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
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
