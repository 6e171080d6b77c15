package dev.ablation.sample;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.memory.OutOfMemory;
import dev.ablation.model.Capabilities;
import dev.ablation.model.Conditioning;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.LatentCodec;
import dev.ablation.model.LatentSize;
import dev.ablation.model.ModelDescriptor;
import java.awt.image.BufferedImage;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import java.util.function.UnaryOperator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Draws latents or images from a model: the loop over a sampler's steps, with {@link Guidance}.
 *
 * {@snippet class="dev.ablation.Snippets" region="sampling"}
 *
 * <p>Images are drawn in batches; a batch that does not fit into memory is halved. An image depends on its prompt, its noise and the settings, never
 * on the other images of its batch; only the network's rounding may differ between batch sizes.
 *
 * <p>Immutable: every setter returns another sampler on the same model. Sampling uses the model, so
 * one thread at a time. Between steps the loop holds one batch of latents, the text embeddings and
 * the method's history.
 */
@CheckReturnValue
public final class LatentSampler {
  private static final Logger LOG = LoggerFactory.getLogger(LatentSampler.class);

  private final DiffusionModel model;
  private final SamplingSettings settings;
  private final int height;
  private final int width;
  private final UnaryOperator<Conditioning> states;
  private final Consumer<? super SamplingProgress> listener;
  private final BooleanSupplier cancelled;
  private final Consumer<String> warnings;

  private LatentSampler(
      DiffusionModel model,
      SamplingSettings settings,
      int height,
      int width,
      UnaryOperator<Conditioning> states,
      Consumer<? super SamplingProgress> listener,
      BooleanSupplier cancelled,
      Consumer<String> warnings) {
    this.model = Objects.requireNonNull(model, "model");
    this.settings = Objects.requireNonNull(settings, "settings");
    this.height = height;
    this.width = width;
    this.states = Objects.requireNonNull(states, "states");
    this.listener = Objects.requireNonNull(listener, "listener");
    this.cancelled = Objects.requireNonNull(cancelled, "cancelled");
    this.warnings = Objects.requireNonNull(warnings, "warnings");
  }

  /**
   * Returns a sampler with {@link SamplingSettings#defaultsFor} the model and the latent size that
   * it was trained for.
   *
   * @param model the model; the caller keeps ownership
   * @return the sampler
   */
  public static LatentSampler of(DiffusionModel model) {
    ModelDescriptor descriptor = model.descriptor();
    return new LatentSampler(
        model,
        SamplingSettings.defaultsFor(model),
        descriptor.latentHeight(),
        descriptor.latentWidth(),
        UnaryOperator.identity(),
        progress -> {},
        () -> false,
        LOG::warn);
  }

  /**
   * Returns a sampler with other settings.
   *
   * @param settings how to draw
   * @return the sampler
   */
  public LatentSampler settings(SamplingSettings settings) {
    return new LatentSampler(model, settings, height, width, states, listener, cancelled, warnings);
  }

  /**
   * Returns a sampler for latents of another size.
   *
   * @param height H of the latents, positive; images are {@link LatentCodec#downscaling()} times as
   *     high
   * @param width W of the latents, positive
   * @return the sampler
   * @throws IllegalArgumentException if a size is not positive
   */
  public LatentSampler latentSize(int height, int width) {
    Preconditions.checkArgument(height > 0, "height must be positive, was %s", height);
    Preconditions.checkArgument(width > 0, "width must be positive, was %s", width);
    return new LatentSampler(model, settings, height, width, states, listener, cancelled, warnings);
  }

  /**
   * Returns a sampler that changes what the prompts become before the network sees it, such as to
   * add a direction to the text embeddings. The negative prompt does not change.
   *
   * @param change from the conditioning of a batch's prompts to what is used, of the same shapes;
   *     its arrays must live until the sampling has ended
   * @return the sampler
   */
  public LatentSampler conditioning(UnaryOperator<Conditioning> change) {
    return new LatentSampler(model, settings, height, width, change, listener, cancelled, warnings);
  }

  /**
   * Returns a sampler that reports its progress.
   *
   * @param listener called on the sampling thread after each step; an exception stops sampling
   * @return the sampler
   */
  public LatentSampler listener(Consumer<? super SamplingProgress> listener) {
    return new LatentSampler(model, settings, height, width, states, listener, cancelled, warnings);
  }

  /**
   * Returns a sampler that can be stopped.
   *
   * @param cancelled called on the sampling thread before each step; {@code true} stops sampling
   * @return the sampler
   */
  public LatentSampler cancellation(BooleanSupplier cancelled) {
    return new LatentSampler(model, settings, height, width, states, listener, cancelled, warnings);
  }

  /**
   * Returns a sampler that reports warnings to a consumer instead of to the log: when a batch did
   * not fit into memory and smaller ones are drawn.
   *
   * @param warnings called on the sampling thread
   * @return the sampler
   */
  public LatentSampler warnings(Consumer<String> warnings) {
    return new LatentSampler(
        model, settings, height, width, states, listener, cancelled, warnings);
  }

  /** {@return how this sampler draws} */
  public SamplingSettings settings() {
    return settings;
  }

  /**
   * Draws latents, image i from the seed {@code seed + i}.
   *
   * @param prompts n prompts, at least one
   * @param seed of the first image
   * @param owner of the result
   * @return latents as {@link LatentCodec#decode} takes them, shape {@code (n, C, H, W)}, float32,
   *     on the model's device
   * @throws CancellationException if it was cancelled or the thread interrupted; the interrupt flag
   *     stays set
   */
  public NDArray sample(List<String> prompts, long seed, NDManager owner) {
    return sample(prompts, NoiseSource.ofSeed(seed), owner);
  }

  /**
   * Draws latents from noise of the caller's choice.
   *
   * @param prompts n prompts, at least one
   * @param noise the noise of each image
   * @param owner of the result
   * @return latents as {@link LatentCodec#decode} takes them, shape {@code (n, C, H, W)}, float32,
   *     on the model's device
   * @throws IllegalArgumentException if {@code prompts} is empty, noise has the wrong shape, or the
   *     method cannot work with the model's schedule
   * @throws IllegalStateException if the model is closed
   * @throws CancellationException if it was cancelled or the thread interrupted; the interrupt flag
   *     stays set
   */
  public NDArray sample(List<String> prompts, NoiseSource noise, NDManager owner) {
    Preconditions.checkArgument(!prompts.isEmpty(), "prompts must not be empty");
    Preconditions.checkState(!model.isClosed(), "model '%s' is closed", model.descriptor().name());
    try (NDManager scope = model.manager().newSubManager()) {
      NDList batches = new NDList();
      int size = settings.batchSize();
      for (int first = 0; first < prompts.size(); ) {
        int end = Math.min(first + size, prompts.size());
        Batch batch = new Batch(prompts.subList(first, end), first, prompts.size(), noise);
        try {
          batches.add(batch.sample(scope));
          first = end;
        } catch (RuntimeException e) {
          size = smallerBatch(end - first, e);
        }
      }
      NDArray latents = batches.size() == 1 ? batches.get(0) : NDArrays.concat(batches, 0);
      latents.attach(owner);
      return latents;
    }
  }

  /**
   * Draws images, image i from the seed {@code seed + i}.
   *
   * @param prompts n prompts, at least one
   * @param seed of the first image
   * @return n images
   * @throws dev.ablation.error.UnsupportedCapabilityException if the model has no {@link
   *     LatentCodec}
   * @throws CancellationException if it was cancelled or the thread interrupted; the interrupt flag
   *     stays set
   */
  public List<BufferedImage> draw(List<String> prompts, long seed) {
    return draw(prompts, NoiseSource.ofSeed(seed));
  }

  /**
   * Draws images from noise of the caller's choice.
   *
   * @param prompts n prompts, at least one
   * @param noise the noise of each image
   * @return n images
   * @throws dev.ablation.error.UnsupportedCapabilityException if the model has no {@link
   *     LatentCodec}
   * @throws CancellationException if it was cancelled or the thread interrupted; the interrupt flag
   *     stays set
   */
  public List<BufferedImage> draw(List<String> prompts, NoiseSource noise) {
    LatentCodec codec = Capabilities.require(model, LatentCodec.class, "drawing images");
    try (NDManager scope = model.manager().newSubManager()) {
      NDArray latents = sample(prompts, noise, scope);
      return Images.images(Images.decode(codec, latents, settings.batchSize(), scope));
    }
  }

  /** Half of a batch that did not fit into memory; any other failure is thrown. */
  private int smallerBatch(int images, RuntimeException failure) {
    if (!OutOfMemory.isCauseOf(failure)) {
      throw failure;
    }
    if (images == 1) {
      throw OutOfMemory.explained("drawing one image at a time", failure);
    }
    warnings.accept(
        "a batch of %d images does not fit into memory; drawing %d at a time"
            .formatted(images, images / 2));
    return images / 2;
  }

  /** Some images that go through the network together. */
  private final class Batch {
    private final List<String> prompts;
    private final int first;
    private final int total;
    private final NoiseSource noise;
    private final Shape shape = new Shape(model.descriptor().latentChannels(), height, width);
    private final LatentSize size = new LatentSize(height, width);
    private final GuidedModel guided = GuidedModel.of(model, settings);

    Batch(List<String> prompts, int first, int total, NoiseSource noise) {
      this.prompts = prompts;
      this.first = first;
      this.total = total;
      this.noise = noise;
    }

    /** {@return the latents, owned by {@code owner}} */
    NDArray sample(NDManager owner) {
      try (SamplerRun run =
              settings
                  .sampler()
                  .start(model.schedule(), model.predictionType(), settings.steps(), shape);
          NDManager scope = owner.newSubManager()) {
        Conditioning conditioning = condition(scope);
        NDArray latents = stack(scope, image -> noise.initial(image, shape, scope));
        latents.muli(run.initNoiseSigma());
        for (int i = 0; i < run.steps(); i++) {
          checkCancelled(i, run.steps());
          latents = step(run, i, latents, conditioning, scope);
          listener.accept(new SamplingProgress(i + 1, run.steps(), first, prompts.size(), total));
        }
        latents.attach(owner);
        return latents;
      }
    }

    private Conditioning condition(NDManager scope) {
      return guided.condition(states.apply(model.encode(prompts, size, scope)), size, scope);
    }

    /** Makes a step; frees everything but its result, which belongs to {@code scope}. */
    private NDArray step(
        SamplerRun run, int index, NDArray latents, Conditioning conditioning, NDManager scope) {
      try (NDManager step = scope.newSubManager()) {
        latents.attach(step);
        NDArray input = run.scaleModelInput(latents, index);
        NDArray output = guided.predict(input, run.timesteps()[index], conditioning, step);
        NDArray fresh =
            run.drawsNoise(index)
                ? stack(step, image -> noise.step(image, index, shape, step))
                : null;
        NDArray next = run.step(output, index, latents, fresh);
        next.attach(scope);
        return next;
      }
    }

    private NDArray stack(NDManager scope, IntFunction<NDArray> ofImage) {
      NDList items = new NDList();
      for (int i = 0; i < prompts.size(); i++) {
        NDArray item = ofImage.apply(first + i);
        Preconditions.checkArgument(
            item.getShape().equals(shape), "noise: expected %s, was %s", shape, item.getShape());
        items.add(item);
      }
      NDArray stacked = NDArrays.stack(items, 0);
      stacked.attach(scope);
      items.close();
      return stacked;
    }

    private void checkCancelled(int index, int steps) {
      if (cancelled.getAsBoolean() || Thread.currentThread().isInterrupted()) {
        throw new CancellationException(
            "sampling was cancelled before step "
                + (index + 1)
                + " of "
                + steps
                + ", images from "
                + first
                + " of "
                + total);
      }
    }
  }
}
