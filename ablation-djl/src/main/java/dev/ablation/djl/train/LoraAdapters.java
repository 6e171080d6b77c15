package dev.ablation.djl.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.nn.NamedWeights;
import dev.ablation.model.Lora;
import dev.ablation.model.LoraFactors;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Low-rank changes of weights, which the layers compute beside the weights: {@code x W^T + s (x
 * A^T) B^T}. The other way, binding {@code W + s B A} before each prediction, gives the same
 * numbers and is simpler, but makes a gradient and a sum of the size of every weight. One step of
 * one pair at the shapes of Stable Diffusion 1.4, latents of 32x32, rank 8, one thread of a CPU
 * (time; peak of memory of the process, 4.4 GB of which are the model):
 *
 * <pre>
 *                        whole weights     sums bound        beside the weights
 * keys and values, text  10.5 s, 5.2 GB     9.5 s,  5.1 GB    9.4 s, 5.0 GB
 * all attention           9.6 s, 6.2 GB    10.0 s,  5.7 GB    9.9 s, 5.1 GB
 * the whole denoiser                       21.4 s, 12.1 GB   10.1 s, 5.4 GB
 * </pre>
 */
final class LoraAdapters implements Trainable {
  private final NamedWeights weights;
  private final Map<String, LoraFactors> changes = new LinkedHashMap<>();
  private final List<String> names = new ArrayList<>();
  private final NDList arrays = new NDList();

  LoraAdapters(
      NDManager manager, NamedWeights weights, List<String> trained, Lora lora, long seed) {
    this.weights = weights;
    for (String name : trained) {
      LoraFactors change =
          GradMode.with(false, () -> lora.initial(weights.info(name), seed, manager));
      changes.put(name, change);
      add(name + LoraFactors.DOWN, change.down());
      add(name + LoraFactors.UP, change.up());
    }
  }

  private void add(String name, NDArray array) {
    array.setRequiresGradient(true);
    names.add(name);
    arrays.add(array);
  }

  @Override
  public List<String> names() {
    return List.copyOf(names);
  }

  @Override
  public NDList arrays() {
    return arrays;
  }

  @Override
  public void use(boolean trained) {
    changes.forEach((name, change) -> weights.weight(name).change(trained ? change : null));
  }
}
