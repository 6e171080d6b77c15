package dev.ablation.attack;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ablation.internal.EngineArrays;
import dev.ablation.model.DiffusionModel;
import dev.ablation.random.RandomStreams;
import dev.ablation.train.InversionStep;
import java.util.List;
import java.util.random.RandomGenerator;

/**
 * The loss that a model was trained with, on an attacker's images.
 *
 * @param model to train
 * @param examples images and prompts
 * @param clean the images' latents, (n, C, H, W)
 * @param batchSize of a step
 * @param inversion noises the images and weights the errors
 * @param choices seed and purpose of the random numbers
 */
record DenoisingLoss(
    DiffusionModel model,
    List<DescribedImage> examples,
    NDArray clean,
    int batchSize,
    InversionStep inversion,
    Choices choices) {

  /** The stream of the random numbers. */
  record Choices(long seed, String purpose) {}

  /** The weighted squared error of the prediction, on images, noise and times of a step. */
  NDArray at(int step, NDManager scope) {
    RandomGenerator random = RandomStreams.stream(choices.seed(), choices.purpose(), step);
    int[] chosen = new int[batchSize];
    String[] prompts = new String[batchSize];
    for (int i = 0; i < batchSize; i++) {
      chosen[i] = random.nextInt(examples.size());
      List<String> described = examples.get(chosen[i]).prompts();
      prompts[i] = described.get(random.nextInt(described.size()));
    }
    NDArray latents = EngineArrays.copy(clean.get(scope.create(chosen)), scope);
    return inversion.loss(model, latents, List.of(prompts), random, scope);
  }
}
