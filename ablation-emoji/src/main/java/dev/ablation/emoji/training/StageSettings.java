package dev.ablation.emoji.training;

import dev.ablation.model.AdamW;
import dev.ablation.train.LearningRateSchedule;

/**
 * How a stage is trained.
 *
 * @param steps how many updates
 * @param batchSize images or captions in a step, a multiple of the number of workers
 * @param learningRate the largest
 * @param schedule of the learning rate
 * @param optimizer settings of AdamW
 * @param maxGradientNorm gradients are scaled down to this norm
 * @param averageDecay of the averaged weights, which are the result
 * @param averageEvery every how many steps they are averaged
 * @param seed of all random numbers of the stage
 */
record StageSettings(
    int steps,
    int batchSize,
    double learningRate,
    LearningRateSchedule schedule,
    AdamW optimizer,
    double maxGradientNorm,
    double averageDecay,
    int averageEvery,
    long seed) {

  StageSettings {
    if (steps < 1 || batchSize < 1) {
      throw new IllegalArgumentException(
          "steps and batchSize must be positive, were %d and %d".formatted(steps, batchSize));
    }
  }

  StageSettings batchSize(int batchSize) {
    return new StageSettings(
        steps,
        batchSize,
        learningRate,
        schedule,
        optimizer,
        maxGradientNorm,
        averageDecay,
        averageEvery,
        seed);
  }

  StageSettings learningRate(double learningRate) {
    return new StageSettings(
        steps,
        batchSize,
        learningRate,
        schedule,
        optimizer,
        maxGradientNorm,
        averageDecay,
        averageEvery,
        seed);
  }

  StageSettings averageDecay(double averageDecay) {
    return new StageSettings(
        steps,
        batchSize,
        learningRate,
        schedule,
        optimizer,
        maxGradientNorm,
        averageDecay,
        averageEvery,
        seed);
  }

  StageSettings steps(int steps) {
    return new StageSettings(
        steps,
        batchSize,
        learningRate,
        schedule,
        optimizer,
        maxGradientNorm,
        averageDecay,
        averageEvery,
        seed);
  }
}
