package dev.ablation.sample;

import ai.djl.ndarray.NDArray;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.model.Conditioning;
import org.jspecify.annotations.Nullable;

/**
 * How the influence of the prompt is strengthened: an immutable value with {@code equals}, used by
 * {@link GuidedModel}.
 */
@CheckReturnValue
public interface Guidance {

  /** {@return the name for provenance, with every number except {@link #scale()}} */
  String name();

  /** {@return the strength, in the units of the method} */
  double scale();

  /** {@return whether the network predicts for the negative prompt too, in the same call} */
  boolean usesNegativePrompt();

  /** {@return the number of rows of the network's batch per image} */
  default int rows() {
    return usesNegativePrompt() ? 2 : 1;
  }

  /**
   * Creates the conditioning of the network's batch.
   *
   * @param positive of the prompts of B images
   * @param negative of the negative prompt, B times; {@code null} unless {@link
   *     #usesNegativePrompt()}
   * @return of {@code rows() * B} rows
   */
  Conditioning condition(Conditioning positive, @Nullable Conditioning negative);

  /**
   * Combines the predictions of the network's batch.
   *
   * @param prediction shape {@code (rows() * B, C, H, W)}
   * @return shape {@code (B, C, H, W)}
   */
  NDArray combine(NDArray prediction);

  /**
   * Returns classifier-free guidance (Ho and Salimans 2022, arXiv 2207.12598, equation 6).
   *
   * @param scale g of {@link ClassifierFree}; up to 1 there is no guidance
   * @return the guidance; its methods change it
   */
  static ClassifierFree classifierFree(double scale) {
    return new ClassifierFree(scale, 0);
  }

  /**
   * Returns guidance that is distilled into the network, which takes the scale as the condition
   * {@link Conditioning#GUIDANCE} (Meng et al. 2023, arXiv 2210.03142), such as FLUX.1 dev's.
   *
   * @param scale the network's input; published for FLUX.1 dev is 3.5
   * @return the guidance
   */
  static Guidance embedded(double scale) {
    return new EmbeddedGuidance(scale);
  }

  /** {@return no guidance: the network's own prediction for the prompt} */
  static Guidance none() {
    return NoGuidance.INSTANCE;
  }
}
