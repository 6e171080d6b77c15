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
 */
@CheckReturnValue
public record JobTraining(
    @Described(value = "Training steps.", positive = true) @Nullable Integer steps,
    @Described(value = "Images in a batch.", positive = true) @Nullable Integer batchSize,
    @Described(value = "Batches in a step.", positive = true) @Nullable Integer accumulation,
    @Described("Learning rate.") @Nullable JobLearningRate learningRate,
    @Described("Settings of AdamW.") @Nullable JobOptimizer optimizer,
    @Described("Trains low-rank factors instead of whole weights.") @Nullable JobLora lora) {

  /** {@return the preset's settings} */
  public static JobTraining defaults() {
    return new JobTraining(null, null, null, null, null, null);
  }

  /**
   * Changes the number of steps.
   *
   * @param count positive; {@code null} for the preset's
   * @return a copy with the given number
   */
  public JobTraining steps(@Nullable Integer count) {
    return new JobTraining(count, batchSize, accumulation, learningRate, optimizer, lora);
  }

  /**
   * Changes the learning rate.
   *
   * @param rate the rate; {@code null} for the preset's
   * @return a copy with the given rate
   */
  public JobTraining learningRate(@Nullable JobLearningRate rate) {
    return new JobTraining(steps, batchSize, accumulation, rate, optimizer, lora);
  }
}
