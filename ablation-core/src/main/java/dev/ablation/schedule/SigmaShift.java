package dev.ablation.schedule;

import ai.djl.ndarray.types.Shape;
import com.google.errorprone.annotations.CheckReturnValue;

/**
 * Moves the noise levels of a rectified flow towards more noise: images with more pixels keep their
 * content at higher noise levels (Esser et al. 2024, arXiv 2403.03206, section 5.3.2). Maps 0 to 0
 * and 1 to 1. An immutable value with {@code equals}.
 */
@CheckReturnValue
public interface SigmaShift {

  /**
   * Shifts a noise level of sampling.
   *
   * @param sigma from 0 to 1
   * @param latents shape {@code (C, H, W)} of what is drawn
   * @param steps number of sampling steps
   * @return from 0 to 1
   */
  double ofSampling(double sigma, Shape latents, int steps);

  /**
   * Shifts a noise level of training.
   *
   * @param sigma from 0 to 1
   * @return from 0 to 1; {@code sigma} itself unless the shift is the same for every size
   */
  default double ofTraining(double sigma) {
    return sigma;
  }

  /** {@return the name for provenance, with every number} */
  String name();

  /** {@return the shift that changes nothing} */
  static SigmaShift none() {
    return constant(1);
  }

  /**
   * Returns the same shift for every size: {@code s sigma / (1 + (s - 1) sigma)}.
   *
   * @param factor s, positive; 3 for Stable Diffusion 3
   * @return the shift
   */
  static SigmaShift constant(double factor) {
    return new ConstantShift(factor);
  }

  /**
   * Returns the exponential shift {@code e^mu / (e^mu + 1 / sigma - 1)} with a given mu.
   *
   * @param mu finite
   * @return the shift; it applies only to sampling
   */
  static SigmaShift exponential(double mu) {
    return dynamic().baseShift(mu).maxShift(mu);
  }

  /**
   * {@return the shift of FLUX.1, which depends on the number of image tokens: exponential, with mu
   * from 0.5 at 256 tokens to 1.15 at 4096, and 2 x 2 latent pixels a token}
   */
  static DynamicShift dynamic() {
    return DynamicShift.FLUX;
  }
}
