package dev.ablation.model;

import ai.djl.ndarray.NDArray;
import org.jspecify.annotations.Nullable;

/**
 * Capability: turns latents into images and back (Rombach et al. 2022, arXiv 2112.10752, section
 * 3.1). Images have shape {@code (B, 3, h, w)}, float32, range -1..1, red, green, blue.
 *
 * {@snippet class="dev.ablation.Snippets" region="images"}
 *
 * <p>An implementation in which a latent pixel is a square of equal image pixels:
 *
 * {@snippet class="dev.ablation.testing.TinyCodec" region="codec"}
 */
public interface LatentCodec {

  /**
   * Returns how many image pixels one latent pixel covers in each direction, such as 8.
   *
   * @return a power of two
   */
  int downscaling();

  /**
   * Decodes latents.
   *
   * @param latents shape {@code (B, C, H, W)}, as the denoising network works on them
   * @return images, not clamped, attached to the manager of {@code latents}
   */
  NDArray decode(NDArray latents);

  /**
   * Encodes images.
   *
   * @param images range -1..1
   * @param noise of the latents' shape, standard normal, to sample the posterior with; {@code null}
   *     takes the posterior's mean
   * @return latents of shape {@code (B, C, H, W)}, scaled as the denoising network expects them,
   *     attached to the manager of {@code images}
   */
  NDArray encode(NDArray images, @Nullable NDArray noise);
}
