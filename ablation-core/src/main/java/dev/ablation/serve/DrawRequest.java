package dev.ablation.serve;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.model.LatentSize;
import dev.ablation.sample.SamplingSettings;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * Images to draw.
 *
 * @param prompts one an image, at least one
 * @param seed of the first image; image i has the seed {@code seed + i}
 * @param variant of the model, {@link ModelPool#BASE} for the model as it was loaded
 * @param settings how to draw; the model's default settings if empty
 * @param size of the latents; the one that the model was trained for if empty
 * @param deadline from the submission to the end; the pool's if empty
 */
@CheckReturnValue
public record DrawRequest(
    List<String> prompts,
    long seed,
    String variant,
    Optional<SamplingSettings> settings,
    Optional<LatentSize> size,
    Optional<Duration> deadline) {

  /** Copies the prompts and checks the ranges. */
  public DrawRequest {
    prompts = List.copyOf(prompts);
    Preconditions.checkArgument(!prompts.isEmpty(), "prompts must not be empty");
    Objects.requireNonNull(variant, "variant");
    Objects.requireNonNull(settings, "settings");
    Objects.requireNonNull(size, "size");
    deadline.ifPresent(PoolSettings::checkDeadline);
  }

  /**
   * Requests images of the model as it was loaded, with its default settings.
   *
   * @param prompts one an image, at least one
   * @param seed of the first image
   * @return the request
   */
  public static DrawRequest of(List<String> prompts, long seed) {
    return new DrawRequest(
        prompts, seed, ModelPool.BASE, Optional.empty(), Optional.empty(), Optional.empty());
  }

  /**
   * Changes the variant of the model.
   *
   * @param variant a name that was given to {@link ModelPool#put}
   * @return a changed request
   */
  public DrawRequest variant(String variant) {
    return new DrawRequest(prompts, seed, variant, settings, size, deadline);
  }

  /**
   * Changes how the images are drawn.
   *
   * @param settings sampler, steps, guidance
   * @return a changed request
   */
  public DrawRequest settings(SamplingSettings settings) {
    return new DrawRequest(prompts, seed, variant, Optional.of(settings), size, deadline);
  }

  /**
   * Changes the size of the images.
   *
   * @param size of the latents
   * @return a changed request
   */
  public DrawRequest size(LatentSize size) {
    return new DrawRequest(prompts, seed, variant, settings, Optional.of(size), deadline);
  }

  /**
   * Changes the deadline.
   *
   * @param deadline from the submission to the end, positive
   * @return a changed request
   */
  public DrawRequest deadline(Duration deadline) {
    return new DrawRequest(prompts, seed, variant, settings, size, Optional.of(deadline));
  }
}
