package dev.ablation.objective;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.model.LatentSize;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What one training step sees: B pairs of an anchor image's latents and its prompts, with noise and
 * timestep drawn for each. The arrays belong to the step.
 *
 * <p>Immutable: each setter returns a copy.
 */
@CheckReturnValue
public final class TrainingBatch {
  private final NDArray latents;
  private final NDArray noise;
  private final NDArray timesteps;
  private final @Nullable NDArray mask;
  private final List<String> anchorPrompts;
  private final List<String> targetPrompts;
  private final List<String> preservedPrompts;
  private final Map<String, NDArray> conditions;

  private TrainingBatch(
      NDArray latents,
      NDArray noise,
      NDArray timesteps,
      @Nullable NDArray mask,
      List<String> anchorPrompts,
      List<String> targetPrompts,
      List<String> preservedPrompts,
      Map<String, NDArray> conditions) {
    this.latents = Objects.requireNonNull(latents, "latents");
    this.noise = Objects.requireNonNull(noise, "noise");
    this.timesteps = Objects.requireNonNull(timesteps, "timesteps");
    this.mask = mask;
    this.anchorPrompts = List.copyOf(anchorPrompts);
    this.targetPrompts = List.copyOf(targetPrompts);
    this.preservedPrompts = List.copyOf(preservedPrompts);
    this.conditions = Collections.unmodifiableMap(new LinkedHashMap<>(conditions));
    check();
  }

  /**
   * Creates a batch without pixel weights and without preservation.
   *
   * @param latents clean latents of anchor images, (B, C, H, W), float32
   * @param noise standard normal, (B, C, H, W), float32
   * @param timesteps (B), as the model's {@link dev.ablation.schedule.NoiseSchedule#toArray} makes
   *     them: int64 or float32
   * @param anchorPrompts B prompts that draw the anchor
   * @param targetPrompts B prompts that draw the target
   * @throws IllegalArgumentException if the batch sizes differ
   */
  public TrainingBatch(
      NDArray latents,
      NDArray noise,
      NDArray timesteps,
      List<String> anchorPrompts,
      List<String> targetPrompts) {
    this(latents, noise, timesteps, null, anchorPrompts, targetPrompts, List.of(), Map.of());
  }

  private void check() {
    Shape shape = latents.getShape();
    Preconditions.checkArgument(
        shape.dimension() == 4, "latents: expected (B, C, H, W), was %s", shape);
    long size = shape.get(0);
    Preconditions.checkArgument(
        noise.getShape().equals(shape), "noise: expected %s, was %s", shape, noise.getShape());
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
      Shape expected = new Shape(size, 1, shape.get(2), shape.get(3));
      Preconditions.checkArgument(
          mask.getShape().equals(expected), "mask: expected %s, was %s", expected, mask.getShape());
    }
    conditions.forEach((name, array) ->
        Preconditions.checkArgument(
            array.getShape().dimension() > 0 && array.getShape().get(0) == size,
            "condition '%s': expected batch size %s, was shape %s",
            name,
            size,
            array.getShape()));
  }

  /** {@return clean latents of anchor images, (B, C, H, W), float32} */
  public NDArray latents() {
    return latents;
  }

  /** {@return H and W of the latents} */
  public LatentSize latentSize() {
    return LatentSize.of(latents.getShape());
  }

  /** {@return standard normal, (B, C, H, W), float32} */
  public NDArray noise() {
    return noise;
  }

  /** {@return (B), int64 or float32, as the model's schedule has it} */
  public NDArray timesteps() {
    return timesteps;
  }

  /**
   * {@return 1 where a latent pixel counts, else 0, (B, 1, H, W), float32; {@code null} if all
   * count}
   */
  public @Nullable NDArray mask() {
    return mask;
  }

  /**
   * Changes which pixels count.
   *
   * @param mask 1 where a latent pixel counts, else 0, (B, 1, H, W), float32; {@code null} if all
   *     count
   * @return a copy with this setting
   */
  public TrainingBatch mask(@Nullable NDArray mask) {
    return new TrainingBatch(
        latents,
        noise,
        timesteps,
        mask,
        anchorPrompts,
        targetPrompts,
        preservedPrompts,
        conditions);
  }

  /** {@return B prompts that draw the anchor} */
  public List<String> anchorPrompts() {
    return anchorPrompts;
  }

  /** {@return B prompts that draw the target} */
  public List<String> targetPrompts() {
    return targetPrompts;
  }

  /** {@return B prompts to preserve; empty without preservation} */
  public List<String> preservedPrompts() {
    return preservedPrompts;
  }

  /**
   * Changes the prompts to preserve.
   *
   * @param preservedPrompts B prompts to preserve; empty without preservation
   * @return a copy with the given preserved prompts
   */
  public TrainingBatch preservedPrompts(List<String> preservedPrompts) {
    return new TrainingBatch(
        latents,
        noise,
        timesteps,
        mask,
        anchorPrompts,
        targetPrompts,
        preservedPrompts,
        conditions);
  }

  /**
   * {@return arrays of the conditioning that belong to the images and not to the prompts, each of
   * shape (B, ...), such as the masked image of an inpainting model; they take the place of those
   * that the model makes for a prompt}
   */
  public Map<String, NDArray> conditions() {
    return conditions;
  }

  /**
   * Changes the conditions of the images.
   *
   * @param conditions by name as in {@link dev.ablation.model.Conditioning}, each of shape (B, ...)
   * @return a copy with the given conditions
   * @throws IllegalArgumentException if a batch size differs
   */
  public TrainingBatch conditions(Map<String, NDArray> conditions) {
    return new TrainingBatch(
        latents,
        noise,
        timesteps,
        mask,
        anchorPrompts,
        targetPrompts,
        preservedPrompts,
        conditions);
  }

  /** {@return B} */
  public int size() {
    return anchorPrompts.size();
  }
}
