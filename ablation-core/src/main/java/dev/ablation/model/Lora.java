package dev.ablation.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.random.RandomStreams;
import java.util.Objects;
import java.util.random.RandomGenerator;

/**
 * Settings of low-rank adaptation (LoRA; Hu et al. 2021, arXiv 2106.09685, section 4.1): a weight W
 * is frozen, and two small matrices A and B are trained so that the network computes with {@code W
 * + (alpha / rank) B A}. A starts random and B starts at zero, so training starts from W.
 *
 * {@snippet class="dev.ablation.Snippets" region="lora"}
 *
 * @param rank r, the number of rows of A and columns of B, positive
 * @param alpha the product is multiplied by {@code alpha / rank}, positive
 * @param start initial values of A
 */
@CheckReturnValue
public record Lora(int rank, double alpha, Start start) {

  /** How A starts. Both are what peft 0.21 offers ({@code LoraLayer.reset_lora_parameters}). */
  public enum Start {
    /**
     * Normal with standard deviation {@code 1 / rank}: {@code init_lora_weights="gaussian"}, which
     * the training scripts of diffusers set; their learning rates, about 1e-4, go with it.
     */
    GAUSSIAN,
    /**
     * Uniform between {@code -1 / sqrt(n)} and {@code 1 / sqrt(n)}, n being the number of inputs of
     * one output: {@code kaiming_uniform_(a=sqrt(5))}, peft's default and kohya's. For wide layers
     * it is much smaller than {@link #GAUSSIAN}, and learns correspondingly more slowly.
     */
    KAIMING
  }

  /** Checks the ranges. */
  public Lora {
    Preconditions.checkArgument(rank > 0, "rank must be positive, was %s", rank);
    Preconditions.checkArgument(
        alpha > 0 && Double.isFinite(alpha), "alpha must be positive and finite, was %s", alpha);
    Objects.requireNonNull(start, "start");
  }

  /**
   * Creates settings with a rank; alpha equals the rank, so the product is added unscaled.
   *
   * @param rank positive
   * @return the settings
   */
  public static Lora rank(int rank) {
    return new Lora(rank, rank, Start.GAUSSIAN);
  }

  /**
   * Changes alpha.
   *
   * @param alpha positive
   * @return a copy with the given alpha
   */
  public Lora alpha(double alpha) {
    return new Lora(rank, alpha, start);
  }

  /**
   * Changes the initial values of A.
   *
   * @param start initial values of A
   * @return a copy with the given start
   */
  public Lora start(Start start) {
    return new Lora(rank, alpha, start);
  }

  /** {@return the scale of B A: alpha / rank} */
  public double scale() {
    return alpha / rank;
  }

  /**
   * Returns the initial A and B: A random, B zero. A depends only on the seed and the weight's
   * name, not on other weights.
   *
   * @param weight of which they change
   * @param seed of the run
   * @param manager owner of both
   * @return the factors, float32
   */
  public LoraFactors initial(WeightInfo weight, long seed, NDManager manager) {
    Shape shape = LoraFactors.downShape(weight.shape(), rank);
    RandomGenerator random = RandomStreams.stream(seed, "lora " + weight.name(), 0);
    // Copied, so that the array is not in a Java buffer, which is freed with its handle.
    try (NDArray drawn = draw(shape, random, manager)) {
      NDArray down = drawn.duplicate();
      down.attach(manager);
      return new LoraFactors(
          down, manager.zeros(LoraFactors.upShape(weight.shape(), rank)), scale());
    }
  }

  private NDArray draw(Shape shape, RandomGenerator random, NDManager manager) {
    if (start == Start.GAUSSIAN) {
      return RandomStreams.gaussian(manager, shape, random).muli(1f / rank);
    }
    double bound = 1 / Math.sqrt((double) shape.size() / rank);
    float[] values = new float[Math.toIntExact(shape.size())];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (bound * (2 * random.nextDouble() - 1));
    }
    return manager.create(values, shape);
  }

  @Override
  public String toString() {
    return "rank %d, alpha %s, %s".formatted(rank, alpha, start);
  }
}
