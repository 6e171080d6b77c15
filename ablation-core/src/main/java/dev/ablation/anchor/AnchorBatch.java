package dev.ablation.anchor;

import ai.djl.ndarray.NDArray;
import com.google.common.base.Preconditions;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The images of an {@link AnchorSet} in one training step. The arrays belong to the step's manager.
 *
 * @param latents (B, C, H, W), float32, as input to the denoising network
 * @param mask 1 for each latent pixel that counts, else 0, (B, 1, H, W), float32; {@code null} if
 *     all count
 * @param prefixes B texts to put before the prompts, such as {@code "zoomed in "}; usually empty
 */
public record AnchorBatch(NDArray latents, @Nullable NDArray mask, List<String> prefixes) {

  /** Checks that all parts have the same batch size. */
  public AnchorBatch {
    prefixes = List.copyOf(prefixes);
    Preconditions.checkArgument(
        latents.getShape().dimension() == 4 && latents.getShape().get(0) == prefixes.size(),
        "latents: expected (%s, C, H, W), was %s",
        prefixes.size(),
        latents.getShape());
    Preconditions.checkArgument(
        mask == null || mask.getShape().get(0) == prefixes.size(),
        "mask: expected (%s, 1, H, W), was %s",
        prefixes.size(),
        mask == null ? "null" : mask.getShape());
  }

  /**
   * Returns images without a mask whose prompts stay unchanged.
   *
   * @param latents (B, C, H, W)
   * @return the batch
   */
  public static AnchorBatch plain(NDArray latents) {
    int size = Math.toIntExact(latents.getShape().get(0));
    return new AnchorBatch(latents, null, Collections.nCopies(size, ""));
  }

  /** {@return B} */
  public int size() {
    return prefixes.size();
  }
}
