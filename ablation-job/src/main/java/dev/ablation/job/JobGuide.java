package dev.ablation.job;

import ai.djl.ndarray.NDArray;
import dev.ablation.attack.LatentGuide;
import dev.ablation.djl.clip.Clip;
import dev.ablation.djl.metric.ClipGuide;
import dev.ablation.metric.ExtractorInfo;
import dev.ablation.model.Capabilities;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.InputDifferentiable;
import dev.ablation.model.LatentCodec;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The guide of a job's evaluator, opened when an attack first uses it: its texts may be hundreds,
 * and a plan that is only checked needs none of them.
 */
final class JobGuide implements LatentGuide, AutoCloseable {
  private final Clip clip;
  private final Supplier<ClipGuide> opening;
  private @Nullable ClipGuide open;

  JobGuide(Clip clip, Supplier<ClipGuide> opening) {
    this.clip = clip;
    this.opening = opening;
  }

  private synchronized ClipGuide guide() {
    ClipGuide guide = open;
    if (guide == null) {
      guide = opening.get();
      open = guide;
    }
    return guide;
  }

  @Override
  public String name() {
    return guide().name();
  }

  @Override
  public Optional<ExtractorInfo> evaluator() {
    return Optional.of(clip.info());
  }

  /** As opening it would. */
  @Override
  public void check(DiffusionModel model) {
    Capabilities.require(model, LatentCodec.class, "guidance by an evaluator");
    Capabilities.require(model, InputDifferentiable.class, "guidance by an evaluator");
  }

  @Override
  public NDArray gradient(NDArray latents) {
    return guide().gradient(latents);
  }

  @Override
  public synchronized void close() {
    if (open != null) {
      open.close();
      open = null;
    }
  }
}
