package dev.ablation.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import com.google.common.base.Preconditions;
import dev.ablation.internal.EngineArrays;

/**
 * Exponential moving average of weights under training, which gives better images than the weights
 * themselves (Ho et al. 2020, appendix B). After step k the average is
 *
 * <pre>{@code average = d * average + (1 - d) * weight,  d = min(decay, (1 + k) / (10 + k))}</pre>
 *
 * so that the initial random weights soon lose their influence. To save time it can be computed
 * only every n-th step, with {@code d} to the power of n.
 *
 * <p>No gradients may be recorded during a call. Not thread-safe.
 */
public final class ExponentialAverage implements AutoCloseable {
  private final NDList weights;
  private final NDManager manager;
  private final NDList values = new NDList();
  private final double decay;
  private final int every;
  private final boolean warmUp;

  /**
   * Starts with the current weights.
   *
   * @param weights float32; read at every update, not owned
   * @param decay the largest d, from 0 to below 1
   * @param every n, positive
   * @param owner parent of the manager that owns the averages
   */
  public ExponentialAverage(NDList weights, double decay, int every, NDManager owner) {
    this(weights, decay, every, true, owner);
  }

  private ExponentialAverage(
      NDList weights, double decay, int every, boolean warmUp, NDManager owner) {
    Preconditions.checkArgument(
        decay >= 0 && decay < 1, "decay must be at least 0 and below 1, was %s", decay);
    Preconditions.checkArgument(every > 0, "every must be positive, was %s", every);
    this.weights = weights;
    this.warmUp = warmUp;
    this.decay = decay;
    this.every = every;
    manager = owner.newSubManager();
    for (NDArray weight : weights) {
      values.add(EngineArrays.copy(weight, manager));
    }
  }

  /**
   * Starts an average whose d is the decay from the first step on, for weights that are not random:
   * {@code average = decay * average + (1 - decay) * weight}.
   *
   * @param weights float32; read at every update, not owned
   * @param decay d, from 0 to below 1
   * @param owner parent of the manager that owns the averages
   * @return the average, at the current weights
   */
  public static ExponentialAverage constant(NDList weights, double decay, NDManager owner) {
    return new ExponentialAverage(weights, decay, 1, false, owner);
  }

  /**
   * Updates the averages with the weights after a step.
   *
   * @param step k, 1 for the first
   */
  public void update(long step) {
    Preconditions.checkArgument(step > 0, "step must be positive, was %s", step);
    if (step % every != 0) {
      return;
    }
    double most = warmUp ? Math.min(decay, (1.0 + step) / (10.0 + step)) : decay;
    double kept = Math.pow(most, every);
    for (int i = 0; i < values.size(); i++) {
      NDArray value = values.get(i);
      try (NDArray difference = weights.get(i).sub(value)) {
        value.addi(difference.muli(1 - kept));
      }
    }
  }

  /**
   * Goes on from given averages, such as those of a run that is resumed.
   *
   * @param given in the order of the weights, of their shapes and on their device; copied
   */
  public void restart(NDList given) {
    Preconditions.checkArgument(
        given.size() == values.size(),
        "averages must be %s, one for each weight, were %s",
        values.size(),
        given.size());
    for (int i = 0; i < values.size(); i++) {
      values.set(i, EngineArrays.copy(given.get(i), manager)).close();
    }
  }

  /** {@return the averages, in the order of the weights} They belong to this object. */
  public NDList values() {
    return values;
  }

  /** Frees the averages. */
  @Override
  public void close() {
    manager.close();
  }
}
