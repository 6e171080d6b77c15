package dev.ablation.model;

import ai.djl.ndarray.NDArray;
import org.jspecify.annotations.Nullable;

/**
 * Capability: turns latents into pictures and back (Rombach et al. 2022, arXiv 2112.10752, section
 * 3.1). Pictures have shape {@code (B, 3, h, w)}, float32, range -1..1, red, green, blue.
 *
 * {@snippet class="dev.ablation.Snippets" region="pictures"}
 *
 * <p>An implementation in which a latent pixel is a square of equal picture pixels:
 *
 * {@snippet class="dev.ablation.testing.TinyCodec" region="codec"}
 */
public interface LatentCodec {

  /**
   * Returns how many picture pixels one latent pixel covers in each direction, such as 8.
   *
   * @return a power of two
   */
  int downscaling();

  /**
   * Decodes latents.
   *
   * @param latents shape {@code (B, C, H, W)}, as the denoising network works on them
   * @return pictures, not clamped, attached to the manager of {@code latents}
   */
  NDArray decode(NDArray latents);

  /**
   * Encodes pictures.
   *
   * @param pictures range -1..1
   * @param noise of the latents' shape, standard normal, to sample the posterior with; {@code null}
   *     takes the posterior's mean
   * @return latents of shape {@code (B, C, H, W)}, scaled as the denoising network expects them,
   *     attached to the manager of {@code pictures}
   */
  NDArray encode(NDArray pictures, @Nullable NDArray noise);
}
