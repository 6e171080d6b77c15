package dev.ablation.djl.nn;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.random.RandomStreams;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.random.RandomGenerator;

/**
 * Initial weights for training from scratch, as in PyTorch's layers: convolutions and linear maps
 * with weights and biases uniform within {@code 1 / sqrt(inputs)}, normalisations with weight 1 and
 * bias 0. Embeddings are normal with a standard deviation of 0.02, as CLIP's are (Radford et al.
 * 2021, arXiv 2103.00020), not of 1.
 *
 * <p>The numbers of a weight depend on the seed and on its name alone.
 */
public final class RandomWeights {
  private static final double EMBEDDING_DEVIATION = 0.02;
  private static final String BIAS = "bias";

  private RandomWeights() {}

  /**
   * Gives every weight of a network its first values.
   *
   * @param network whose weights have not been loaded
   * @param seed of the random numbers
   * @param manager owner of the weights, on the device of the network
   */
  public static void load(Layer network, long seed, NDManager manager) {
    Map<String, Weight> weights = new LinkedHashMap<>();
    network.forEachWeight(weights::put);
    weights.forEach((name, weight) -> {
      RandomGenerator random = RandomStreams.stream(seed, name, 0);
      String layer = name.substring(0, Math.max(0, name.lastIndexOf('.')));
      boolean isBias = name.endsWith(BIAS);
      Weight main = isBias ? weights.getOrDefault(layer + ".weight", weight) : weight;
      weight.load(values(layer, isBias, main.shape(), weight.shape(), random, manager));
    });
  }

  private static NDArray values(
      String layer,
      boolean isBias,
      Shape main,
      Shape shape,
      RandomGenerator random,
      NDManager manager) {
    if (main.dimension() == 1) { // a normalisation
      return isBias ? manager.zeros(shape) : manager.ones(shape);
    }
    if (layer.endsWith("embedding")) {
      try (NDArray normal = RandomStreams.gaussian(manager, shape, random)) {
        return inEngine(normal.muli(EMBEDDING_DEVIATION));
      }
    }
    double bound = 1 / Math.sqrt((double) main.size() / main.get(0));
    float[] values = new float[Math.toIntExact(shape.size())];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (bound * (2 * random.nextDouble() - 1));
    }
    try (NDArray uniform = manager.create(values, shape)) {
      return inEngine(uniform);
    }
  }

  /** Arrays made from Java values are in Java buffers, which are freed with their handle. */
  private static NDArray inEngine(NDArray array) {
    return GradMode.with(false, array::duplicate);
  }
}
