package dev.ablation.anchor;

import ai.djl.ndarray.NDArray;
import com.google.common.base.Preconditions;
import java.util.List;

/**
 * Anchor pictures as latents, each with its prompt. Owns the latents.
 *
 * @param latents shape (n, C, H, W), float32, as the denoising network works on them
 * @param prompts n prompts
 */
public record AnchorSet(NDArray latents, List<String> prompts) implements AutoCloseable {

  /** Checks that there is one prompt a picture. */
  public AnchorSet {
    prompts = List.copyOf(prompts);
    Preconditions.checkArgument(
        latents.getShape().dimension() == 4 && latents.getShape().get(0) == prompts.size(),
        "latents: expected (%s, C, H, W), was %s",
        prompts.size(),
        latents.getShape());
  }

  /** {@return n} */
  public int size() {
    return prompts.size();
  }

  /** Frees the latents. */
  @Override
  public void close() {
    latents.close();
  }
}
