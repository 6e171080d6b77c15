package dev.ablation.job;

import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.job.internal.Described;
import org.jspecify.annotations.Nullable;

/**
 * Settings of training by gradient. What is not set is the preset's.
 *
 * @param steps training steps
 * @param batchSize images in a batch
 * @param accumulation batches in a step
 * @param learningRate learning rate
 * @param optimizer settings of AdamW
 * @param lora trains low-rank factors instead of whole weights
 * @param average decay of a moving average of the weights, which is the result then
 */
@CheckReturnValue
public record JobTraining(
    @Described(value = "Training steps.", positive = true) @Nullable Integer steps,
    @Described(value = "Images in a batch.", positive = true) @Nullable Integer batchSize,
    @Described(value = "Batches in a step.", positive = true) @Nullable Integer accumulation,
    @Described("Learning rate.") @Nullable JobLearningRate learningRate,
    @Described("Settings of AdamW.") @Nullable JobOptimizer optimizer,
    @Described("Trains low-rank factors instead of whole weights.") @Nullable JobLora lora,
    @Described(
            value =
                "Decay of a moving average of the weights, below 1, which is the result then. Default: the last weights are.",
            positive = true)
        @Nullable Double average) {

  /** Checks the values. */
  public JobTraining {
    if (average != null && average >= 1) {
      throw new IllegalArgumentException("average must be below 1, was " + average);
    }
  }

  /** {@return the preset's settings} */
  public static JobTraining defaults() {
    return new JobTraining(null, null, null, null, null, null, null);
  }

  /**
   * Changes the number of steps.
   *
   * @param count positive; {@code null} for the preset's
   * @return a copy with the given number
   */
  public JobTraining steps(@Nullable Integer count) {
    return new JobTraining(count, batchSize, accumulation, learningRate, optimizer, lora, average);
  }

  /**
   * Changes the learning rate.
   *
   * @param rate the rate; {@code null} for the preset's
   * @return a copy with the given rate
   */
  public JobTraining learningRate(@Nullable JobLearningRate rate) {
    return new JobTraining(steps, batchSize, accumulation, rate, optimizer, lora, average);
  }

  /**
   * Changes the batch.
   *
   * @param images positive; {@code null} for the preset's number
   * @return a copy with the given number
   */
  public JobTraining batchSize(@Nullable Integer images) {
    return new JobTraining(steps, images, accumulation, learningRate, optimizer, lora, average);
  }

  /**
   * Changes the optimizer's settings.
   *
   * @param settings of AdamW; {@code null} for the preset's
   * @return a copy with the given settings
   */
  public JobTraining optimizer(@Nullable JobOptimizer settings) {
    return new JobTraining(steps, batchSize, accumulation, learningRate, settings, lora, average);
  }

  /**
   * Changes whether low-rank factors are trained.
   *
   * @param factors rank, alpha and start; {@code null} for whole weights
   * @return a copy with the given factors
   */
  public JobTraining lora(@Nullable JobLora factors) {
    return new JobTraining(
        steps, batchSize, accumulation, learningRate, optimizer, factors, average);
  }

  /**
   * Changes whether a moving average of the weights is the result.
   *
   * @param decay above 0, below 1; {@code null} for the last weights
   * @return a copy with the given decay
   */
  public JobTraining average(@Nullable Double decay) {
    return new JobTraining(steps, batchSize, accumulation, learningRate, optimizer, lora, decay);
  }
}
