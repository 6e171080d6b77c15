package dev.ablation.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The ability of a network to draw a part of an image: beside the noised latents it sees which part
 * that is, and the latents of the image without it (Rombach et al. 2022, arXiv 2112.10752, section
 * 4.5; published as inpainting models). {@link DiffusionModel#encode} of such a model conditions on
 * the whole of an empty image, so that it draws without an image as any other.
 */
public interface InpaintingCondition {

  /**
   * Computes the conditions of images. They belong to the images and take the place of those that
   * {@link DiffusionModel#encode} made, for positive and negative prompts alike.
   *
   * @param images shape {@code (B, 3, h, w)}, float32 in -1..1, on the model's device
   * @param masks shape {@code (B, 1, h, w)}, float32: at least 0.5 where the image is drawn anew
   * @param noise standard normal, of the shape of the latents, with which the latents are drawn
   *     from the autoencoder's posterior; {@code null} for its mean
   * @param scope owner of the result
   * @return {@link Conditioning#MASK} and {@link Conditioning#MASKED_IMAGE_LATENTS}
   * @throws IllegalArgumentException if a shape does not fit
   */
  Map<String, NDArray> of(NDArray images, NDArray masks, @Nullable NDArray noise, NDManager scope);
}
