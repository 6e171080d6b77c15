package dev.ablation.sample;

import ai.djl.ndarray.NDArray;
import org.jspecify.annotations.Nullable;

/**
 * One generation by a {@link Sampler}: the steps from noise to a clean sample, for one batch.
 *
 * <pre>{@code
 * x = noise * initNoiseSigma()
 * for i in 0 .. steps() - 1:
 *   output = model(scaleModelInput(x, i), timesteps()[i])
 *   x = step(output, i, x, drawsNoise(i) ? noise : null)
 * }</pre>
 *
 * <p>Samples have any shape {@code (B, ...)}, float32. Every array that a method returns is
 * attached to the manager of the sample given to it. The history of a multistep method belongs to
 * the run until it is closed; the run never keeps an array of the caller. Not thread-safe.
 */
public interface SamplerRun extends AutoCloseable {

  /**
   * {@return the number of network calls} PLMS needs one call more than the requested sampling
   * steps.
   */
  default int steps() {
    return timesteps().length;
  }

  /** {@return the timestep of each network call, falling; a copy} Some methods use fractions. */
  double[] timesteps();

  /**
   * {@return the noise levels before each step and, last, the one after all of them; a copy} They
   * are {@code sqrt((1 - a) / a)}, or the noise's factor of a rectified flow; empty for methods
   * that work on timesteps.
   */
  double[] sigmas();

  /** {@return the standard deviation of the initial noise} */
  double initNoiseSigma();

  /**
   * Scales a sample to the network's input range.
   *
   * @param sample before step {@code index}
   * @param index from 0 to {@code steps() - 1}
   * @return the network's input: {@code sample} itself for methods that need no scaling
   */
  NDArray scaleModelInput(NDArray sample, int index);

  /**
   * Returns whether a step needs fresh noise.
   *
   * @param index from 0 to {@code steps() - 1}
   * @return whether {@link #step} needs noise there
   */
  boolean drawsNoise(int index);

  /**
   * Returns the clean sample that the network's output implies, such as for a preview. Does not
   * change the run.
   *
   * @param modelOutput the network's output, shape of {@code sample}
   * @param index from 0 to {@code steps() - 1}
   * @param sample before step {@code index}
   * @return the predicted clean sample, a new array
   */
  NDArray predictOriginal(NDArray modelOutput, int index, NDArray sample);

  /**
   * Makes a step. Steps are made once each, in order.
   *
   * @param modelOutput the network's output, shape of {@code sample}
   * @param index from 0 to {@code steps() - 1}
   * @param sample before the step
   * @param noise standard normal, shape of {@code sample}, if {@link #drawsNoise} returns {@code
   *     true}; otherwise ignored
   * @return the sample after the step, a new array
   * @throws IllegalStateException if {@code index} is not the next step
   * @throws IllegalArgumentException if a shape does not fit or the noise is missing
   */
  NDArray step(NDArray modelOutput, int index, NDArray sample, @Nullable NDArray noise);

  /**
   * Leaves out the first steps, to start from a noised image instead of from noise alone: the
   * caller starts with {@link #addNoise} at the returned index. Called before any step is made.
   *
   * @param skipped number of sampling steps to leave out, fewer than there are
   * @return the index of the first step that remains
   * @throws UnsupportedOperationException if the method cannot start later
   */
  default int skip(int skipped) {
    if (skipped == 0) {
      return 0;
    }
    throw new UnsupportedOperationException(
        "the sampler cannot leave out steps, so strength must be 1");
  }

  /**
   * Noises a clean sample to the noise level before a step.
   *
   * @param original the clean sample
   * @param index from 0 to {@code steps() - 1}
   * @param noise standard normal, shape of {@code original}
   * @return the sample before step {@code index}, a new array
   * @throws UnsupportedOperationException if the method cannot start from an image
   */
  default NDArray addNoise(NDArray original, int index, NDArray noise) {
    throw new UnsupportedOperationException("the sampler cannot start from an image");
  }

  /** Frees the run's history. */
  @Override
  void close();
}
