package dev.ablation.sample;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import com.google.common.base.Preconditions;
import dev.ablation.schedule.PredictionType;
import org.jspecify.annotations.Nullable;

/**
 * The common part of all runs: the order of the steps, the predicted clean sample, the arrays to
 * remember. A network's input is {@code alpha x0 + sigma noise}; a subclass defines alpha and sigma
 * of each step and how its samples are scaled to such an input.
 */
abstract class BaseRun implements SamplerRun {
  private final PredictionType type;
  private final double[] timesteps;
  private final double clipRange;
  private @Nullable NDManager memory;
  private int first;
  private int next;
  private boolean closed;

  /**
   * Starts a run.
   *
   * @param clipRange largest magnitude of a predicted clean sample, 0 for no limit
   */
  BaseRun(PredictionType type, double[] timesteps, double clipRange) {
    this.type = type;
    this.timesteps = timesteps;
    this.clipRange = clipRange;
  }

  /** The clean sample's factor in the network's input. */
  abstract double alpha(int index);

  /** The noise's factor in the network's input. */
  abstract double sigma(int index);

  /** Makes a step whose arguments are checked; the result belongs to the sample's manager. */
  abstract NDArray advance(NDArray output, int index, NDArray sample, @Nullable NDArray noise);

  /** The factor from a sample to the network's input. */
  double inputScale(int index) {
    return 1;
  }

  @Override
  public final double[] timesteps() {
    return timesteps.clone();
  }

  @Override
  public double[] sigmas() {
    return new double[0];
  }

  @Override
  public double initNoiseSigma() {
    return 1;
  }

  @Override
  public boolean drawsNoise(int index) {
    Preconditions.checkElementIndex(index, timesteps.length, "index");
    return false;
  }

  @Override
  public final NDArray scaleModelInput(NDArray sample, int index) {
    Preconditions.checkElementIndex(index, timesteps.length, "index");
    return inputScale(index) == 1 ? sample : sample.mul(inputScale(index));
  }

  /** The call that begins a sampling step. */
  int callOfStep(int step) {
    return step;
  }

  /** How many calls were made before one. */
  final int callsBefore(int index) {
    return index - first;
  }

  @Override
  public final int skip(int skipped) {
    int index = callOfStep(skipped);
    Preconditions.checkElementIndex(index, timesteps.length, "skipped");
    Preconditions.checkState(next == first, "steps are left out before any is made");
    first = index;
    next = index;
    return index;
  }

  @Override
  public final NDArray addNoise(NDArray original, int index, NDArray noise) {
    Preconditions.checkElementIndex(index, timesteps.length, "index");
    checkShape("noise", noise, original);
    return new WeightedSum(original.getManager())
        .plus(alpha(index) / inputScale(index), original)
        .plus(sigma(index) / inputScale(index), noise)
        .get();
  }

  @Override
  public final NDArray predictOriginal(NDArray modelOutput, int index, NDArray sample) {
    Preconditions.checkElementIndex(index, timesteps.length, "index");
    checkShape("modelOutput", modelOutput, sample);
    double alpha = alpha(index);
    double sigma = sigma(index);
    NDArray original =
        new WeightedSum(sample.getManager())
            .plus(inputScale(index) * type.sampleWeight(alpha, sigma), sample)
            .plus(type.predictionWeight(alpha, sigma), modelOutput)
            .get();
    if (clipRange == 0) {
      return original;
    }
    try (original) {
      return original.clip(-clipRange, clipRange);
    }
  }

  @Override
  public final NDArray step(
      NDArray modelOutput, int index, NDArray sample, @Nullable NDArray noise) {
    Preconditions.checkState(!closed, "the run is closed");
    Preconditions.checkElementIndex(index, timesteps.length, "index");
    Preconditions.checkState(
        index == next, "steps are made once each, in order: the next is %s, was %s", next, index);
    checkShape("modelOutput", modelOutput, sample);
    if (drawsNoise(index)) {
      Preconditions.checkArgument(noise != null, "noise: step %s draws noise, was null", index);
      checkShape("noise", noise, sample);
    }
    next++;
    return advance(modelOutput, index, sample, noise);
  }

  /**
   * {@return the noise that a network's output implies, for the input {@code alpha x0 + sigma
   * noise}; belongs to the sample's manager}
   */
  final NDArray predictNoise(NDArray output, NDArray sample, double alpha, double sigma) {
    WeightedSum noise = new WeightedSum(sample.getManager());
    return switch (type) {
      case EPSILON -> noise.plus(1, output).get();
      case V_PREDICTION -> noise.plus(alpha, output).plus(sigma, sample).get();
      case FLOW -> noise.plus(alpha, output).plus(1, sample).get();
      case SAMPLE -> noise.plus(1 / sigma, sample).plus(-alpha / sigma, output).get();
    };
  }

  /** Transfers an array to the run, which owns it until it is closed. */
  final NDArray remember(NDArray array) {
    NDManager owner = memory;
    if (owner == null) {
      owner = topmost(array.getManager()).newSubManager();
      memory = owner;
    }
    array.attach(owner);
    return array;
  }

  /** {@return a copy owned by the run} */
  final NDArray rememberCopy(NDArray array) {
    return remember(array.duplicate());
  }

  @Override
  public final void close() {
    closed = true;
    NDManager owner = memory;
    memory = null;
    if (owner != null) {
      owner.close();
    }
  }

  /** The managers of single steps are closed before the run is; the topmost one is not. */
  private static NDManager topmost(NDManager manager) {
    NDManager top = manager;
    NDManager parent = top.getParentManager();
    while (parent != null && !(parent instanceof NDManager.SystemNDManager)) {
      top = parent;
      parent = top.getParentManager();
    }
    return top;
  }

  private static void checkShape(String name, NDArray array, NDArray sample) {
    Preconditions.checkArgument(
        array.getShape().equals(sample.getShape()),
        "%s: expected %s, was %s",
        name,
        sample.getShape(),
        array.getShape());
  }
}
