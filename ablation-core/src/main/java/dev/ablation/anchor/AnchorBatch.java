package dev.ablation.anchor;

import ai.djl.ndarray.NDArray;
import com.google.common.base.Preconditions;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Some images of an {@link AnchorSet} as one step of training sees them. The arrays belong to the
 * step.
 *
 * @param latents (B, C, H, W), float32, as the denoising network works on them
 * @param mask 1 where a latent pixel counts, else 0, (B, 1, H, W), float32; {@code null} if all
 *     count
 * @param prefixes B texts that the prompts begin with, such as {@code "zoomed in "}; mostly empty
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
   * Returns images that count in full and whose prompts stay as they are.
   *
   * @param latents (B, C, H, W)
   * @return the rows
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
