package dev.ablation.objective;

import ai.djl.ndarray.NDArray;
import com.google.common.base.Preconditions;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What one training step sees: B pairs of an anchor image's latents and its prompts, with noise and
 * timestep drawn for each. The arrays belong to the step.
 *
 * @param latents clean latents of anchor images, (B, C, H, W), float32
 * @param noise standard normal, (B, C, H, W), float32
 * @param timesteps (B), int64
 * @param mask 1 where a latent pixel counts, else 0, (B, 1, H, W), float32; {@code null} if all
 *     count
 * @param anchorPrompts B prompts that draw the anchor
 * @param targetPrompts B prompts that draw the target
 * @param preservedPrompts B prompts that draw what is to be preserved; none if nothing is
 */
public record TrainingBatch(
    NDArray latents,
    NDArray noise,
    NDArray timesteps,
    @Nullable NDArray mask,
    List<String> anchorPrompts,
    List<String> targetPrompts,
    List<String> preservedPrompts) {

  /** Checks that all parts have the same batch size. */
  public TrainingBatch {
    anchorPrompts = List.copyOf(anchorPrompts);
    targetPrompts = List.copyOf(targetPrompts);
    preservedPrompts = List.copyOf(preservedPrompts);
    long size = latents.getShape().get(0);
    Preconditions.checkArgument(
        noise.getShape().equals(latents.getShape()),
        "noise: expected %s, was %s",
        latents.getShape(),
        noise.getShape());
    Preconditions.checkArgument(
        timesteps.getShape().dimension() == 1 && timesteps.getShape().get(0) == size,
        "timesteps: expected (%s), was %s",
        size,
        timesteps.getShape());
    Preconditions.checkArgument(
        anchorPrompts.size() == size && targetPrompts.size() == size,
        "prompts: expected %s of each, were %s anchor prompts and %s target prompts",
        size,
        anchorPrompts.size(),
        targetPrompts.size());
    Preconditions.checkArgument(
        preservedPrompts.isEmpty() || preservedPrompts.size() == size,
        "preservedPrompts: expected %s or none, were %s",
        size,
        preservedPrompts.size());
    if (mask != null) {
      Preconditions.checkArgument(
          mask.getShape().dimension() == 4
              && mask.getShape().get(0) == size
              && mask.getShape().get(1) == 1
              && mask.getShape().get(2) == latents.getShape().get(2)
              && mask.getShape().get(3) == latents.getShape().get(3),
          "mask: expected (%s, 1, %s, %s), was %s",
          size,
          latents.getShape().get(2),
          latents.getShape().get(3),
          mask.getShape());
    }
  }

  /**
   * Creates a batch that preserves nothing.
   *
   * @param latents clean latents of anchor images, (B, C, H, W), float32
   * @param noise standard normal, (B, C, H, W), float32
   * @param timesteps (B), int64
   * @param mask 1 where a latent pixel counts, else 0, (B, 1, H, W), float32; {@code null} if all
   *     count
   * @param anchorPrompts B prompts that draw the anchor
   * @param targetPrompts B prompts that draw the target
   */
  public TrainingBatch(
      NDArray latents,
      NDArray noise,
      NDArray timesteps,
      @Nullable NDArray mask,
      List<String> anchorPrompts,
      List<String> targetPrompts) {
    this(latents, noise, timesteps, mask, anchorPrompts, targetPrompts, List.of());
  }

  /** {@return B} */
  public int size() {
    return anchorPrompts.size();
  }
}
