package dev.ablation.sample;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import com.google.common.base.Preconditions;

/**
 * The source of the noise of sampled images. Noise is requested by image and step, not in sequence,
 * so an image does not depend on the other images of its batch.
 *
 * {@snippet class="dev.ablation.Snippets" region="noise-source"}
 */
public interface NoiseSource {

  /**
   * Returns the initial latents of an image.
   *
   * @param image index of the image, from 0
   * @param shape {@code (C, H, W)}
   * @param scope owner of the result
   * @return standard normal, of that shape, float32; the sampler scales it
   */
  NDArray initial(int image, Shape shape, NDManager scope);

  /**
   * Returns the noise that a step adds; called only for methods that add noise.
   *
   * @param image index of the image, from 0
   * @param step index of the step, from 0
   * @param shape {@code (C, H, W)}
   * @param scope owner of the result
   * @return standard normal, of that shape, float32
   */
  NDArray step(int image, int step, Shape shape, NDManager scope);

  /**
   * Returns the noise with which a given image's latents are drawn from the autoencoder's
   * posterior; by default zeros, which is the posterior's mean.
   *
   * @param image index of the image, from 0
   * @param masked whether the image is the one without its masked part
   * @param shape {@code (C, H, W)}
   * @param scope owner of the result
   * @return standard normal, of that shape, float32
   */
  default NDArray posterior(int image, boolean masked, Shape shape, NDManager scope) {
    return scope.zeros(shape, DataType.FLOAT32);
  }

  /**
   * Returns a source in which image i has the seed {@code seed + i}: any image of a series can be
   * reproduced alone, with its own seed.
   *
   * @param seed of the first image
   * @return the source
   */
  static NoiseSource ofSeed(long seed) {
    return new SeededNoise(image -> seed + image);
  }

  /**
   * Returns a source in which each image has its own seed. Equal seeds give equal noise.
   *
   * @param seeds one for each image; copied
   * @return the source; it rejects images without a seed
   */
  static NoiseSource ofSeeds(long... seeds) {
    long[] own = seeds.clone();
    return new SeededNoise(
        image -> own[Preconditions.checkElementIndex(image, own.length, "image")]);
  }

  /**
   * Returns a source whose images start from given latents, before any scaling by the sampler.
   *
   * @param latents standard normal, shape {@code (n, C, H, W)}, float32; not closed by the source
   * @param steps the noise of the steps, and of given images
   * @return the source
   */
  static NoiseSource ofInitial(NDArray latents, NoiseSource steps) {
    return new NoiseSource() {
      @Override
      public NDArray initial(int image, Shape shape, NDManager scope) {
        NDArray own = latents.get(image);
        own.attach(scope);
        return own;
      }

      @Override
      public NDArray step(int image, int step, Shape shape, NDManager scope) {
        return steps.step(image, step, shape, scope);
      }

      @Override
      public NDArray posterior(int image, boolean masked, Shape shape, NDManager scope) {
        return steps.posterior(image, masked, shape, scope);
      }
    };
  }
}
