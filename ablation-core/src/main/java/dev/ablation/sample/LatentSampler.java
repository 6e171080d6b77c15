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
import dev.ablation.model.InpaintingCondition;
import dev.ablation.model.LatentCodec;
import dev.ablation.model.LatentSize;
import java.awt.image.BufferedImage;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Draws latents or images from a model: the loop over a sampler's steps, with {@link Guidance}.
 *
 * {@snippet class="dev.ablation.Snippets" region="sampling"}
 *
 * <p>Images are drawn in batches; a batch that does not fit into memory is halved. An image depends
 * on its prompt, its noise and the settings, never on the other images of its batch; only the
 * network's rounding may differ between batch sizes.
 *
 * <p>Immutable: every setter returns another sampler on the same model. Sampling uses the model, so
 * one thread at a time. Between steps the loop holds one batch of latents, the text embeddings and
 * the method's history.
 */
@CheckReturnValue
public final class LatentSampler {
  private static final Logger LOG = LoggerFactory.getLogger(LatentSampler.class);

  private final DiffusionModel model;
  private final Values values;

  /** The settings; not changed after the sampler is created. */
  private static final class Values implements Cloneable {
    private SamplingSettings settings;
    private LatentSize size;
    private PromptEncoder encoder;
    private PromptEncoder negativeEncoder;
    private UnaryOperator<Conditioning> states = UnaryOperator.identity();
    private @Nullable SourceImages source;
    private Consumer<? super SamplingProgress> listener = progress -> {};
    private BooleanSupplier cancelled = () -> false;
    private Consumer<String> warnings = LOG::warn;

    Values(DiffusionModel model) {
      settings = SamplingSettings.defaultsFor(model);
      size = model.descriptor().latentSize();
      encoder = model::encode;
      negativeEncoder = model::encode;
    }

    @Override
    protected Values clone() {
      try {
        return (Values) super.clone();
      } catch (CloneNotSupportedException e) {
        throw new AssertionError(e);
      }
    }
  }

  private LatentSampler(DiffusionModel model, Values values) {
    this.model = model;
    this.values = values;
  }

  private LatentSampler changed(Consumer<Values> change) {
    Values copy = values.clone();
    change.accept(copy);
    return new LatentSampler(model, copy);
  }

  /**
   * Returns a sampler with {@link SamplingSettings#defaultsFor} the model and the latent size that
   * it was trained for.
   *
   * @param model the model; the caller keeps ownership
   * @return the sampler
   */
  public static LatentSampler of(DiffusionModel model) {
    return new LatentSampler(model, new Values(model));
  }

  /**
   * Returns a sampler with other settings.
   *
   * @param settings how to draw
   * @return the sampler
   */
  public LatentSampler settings(SamplingSettings settings) {
    Objects.requireNonNull(settings, "settings");
    return changed(v -> v.settings = settings);
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
    return changed(v -> v.size = new LatentSize(height, width));
  }

  /**
   * Returns a sampler that changes images instead of drawing them from noise alone (Meng et al.
   * 2021, arXiv 2108.01073): it starts from their noised latents, at a later step. The size of the
   * latents becomes theirs.
   *
   * @param images one for all prompts, or one for each, all of one size
   * @param strength share of the steps that are made, above 0, at most 1: how much may change;
   *     published is 0.8
   * @return the sampler
   * @throws IllegalArgumentException if sizes or strength do not fit
   * @throws dev.ablation.error.UnsupportedCapabilityException if the model has no {@link
   *     LatentCodec}
   */
  public LatentSampler imageToImage(List<BufferedImage> images, double strength) {
    return source(new SourceImages(images, List.of(), strength));
  }

  /**
   * Returns a sampler that draws a part of images anew. An inpainting model sees the rest of the
   * image; of any other model, each step's latents are replaced there by those of the image, noised
   * to the level of the next step (Avrahami et al. 2022, arXiv 2206.02779, as diffusers' inpainting
   * pipelines do it). The size of the latents becomes the images'.
   *
   * @param images one for all prompts, or one for each, all of one size
   * @param masks as many, of the same size; white where an image is drawn anew, black where it
   *     stays
   * @param strength share of the steps that are made, above 0, at most 1; with 1, the published
   *     value, the part is drawn from noise alone, else from its noised latents
   * @return the sampler
   * @throws IllegalArgumentException if sizes, numbers or strength do not fit
   * @throws dev.ablation.error.UnsupportedCapabilityException if the model has no {@link
   *     LatentCodec}
   */
  public LatentSampler inpaint(
      List<BufferedImage> images, List<BufferedImage> masks, double strength) {
    Preconditions.checkArgument(!masks.isEmpty(), "masks must not be empty");
    return source(new SourceImages(images, masks, strength));
  }

  private LatentSampler source(SourceImages source) {
    LatentCodec codec = Capabilities.require(model, LatentCodec.class, "starting from images");
    LatentSize size = source.latentSize(codec);
    return changed(v -> {
      v.source = source;
      v.size = size;
    });
  }

  /**
   * Returns a sampler that encodes prompts in another way than {@link DiffusionModel#encode}, such
   * as with a second prompt.
   *
   * @param encoder of the prompts
   * @param negativeEncoder of the negative prompt
   * @return the sampler
   */
  public LatentSampler encoders(PromptEncoder encoder, PromptEncoder negativeEncoder) {
    Objects.requireNonNull(encoder, "encoder");
    Objects.requireNonNull(negativeEncoder, "negativeEncoder");
    return changed(v -> {
      v.encoder = encoder.drawnBy(model);
      v.negativeEncoder = negativeEncoder.drawnBy(model);
    });
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
    Objects.requireNonNull(change, "change");
    return changed(v -> v.states = change);
  }

  /**
   * Returns a sampler that reports its progress.
   *
   * @param listener called on the sampling thread after each step; an exception stops sampling
   * @return the sampler
   */
  public LatentSampler listener(Consumer<? super SamplingProgress> listener) {
    Objects.requireNonNull(listener, "listener");
    return changed(v -> v.listener = listener);
  }

  /**
   * Returns a sampler that can be stopped.
   *
   * @param cancelled called on the sampling thread before each step; {@code true} stops sampling
   * @return the sampler
   */
  public LatentSampler cancellation(BooleanSupplier cancelled) {
    Objects.requireNonNull(cancelled, "cancelled");
    return changed(v -> v.cancelled = cancelled);
  }

  /**
   * Returns a sampler that reports warnings to a consumer instead of to the log: when a batch did
   * not fit into memory and smaller ones are drawn.
   *
   * @param warnings called on the sampling thread
   * @return the sampler
   */
  public LatentSampler warnings(Consumer<String> warnings) {
    Objects.requireNonNull(warnings, "warnings");
    return changed(v -> v.warnings = warnings);
  }

  /** Whether it draws with a model, and not from images of the caller's. */
  boolean draws(DiffusionModel other) {
    return model == other && values.source == null;
  }

  /** {@return how this sampler draws} */
  public SamplingSettings settings() {
    return values.settings;
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
    SourceImages source = values.source;
    if (source != null) {
      source.checkCount(prompts.size());
    }
    int size = values.settings.batchSize();
    try (NDManager scope = model.newScope()) {
      NDList batches = new NDList();
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
    try (NDManager scope = model.newScope()) {
      NDArray latents = sample(prompts, noise, scope);
      return Images.images(Images.decode(codec, latents, values.settings.batchSize(), scope));
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
    values.warnings.accept(
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
    private final LatentSize size = values.size;
    private final Shape shape =
        new Shape(model.descriptor().latentChannels(), size.height(), size.width());
    private final GuidedModel guided =
        GuidedModel.of(model, values.settings, values.negativeEncoder);

    Batch(List<String> prompts, int first, int total, NoiseSource noise) {
      this.prompts = prompts;
      this.first = first;
      this.total = total;
      this.noise = noise;
    }

    /** {@return the latents, owned by {@code owner}} */
    NDArray sample(NDManager owner) {
      SamplingSettings settings = values.settings;
      try (SamplerRun run =
              settings
                  .sampler()
                  .start(model.schedule(), model.predictionType(), settings.steps(), shape);
          NDManager scope = owner.newSubManager()) {
        SourceImages source = values.source;
        int begin = source == null ? 0 : run.skip(source.skipped(settings.steps()));
        Conditioning conditioning = condition(source, scope);
        NDArray fresh = stack(scope, image -> noise.initial(image, shape, scope));
        Optional<KeptPart> kept = kept(source, fresh, scope);
        NDArray latents = start(run, source, begin, fresh, kept, scope);
        for (int i = begin; i < run.steps(); i++) {
          checkCancelled(i - begin, run.steps() - begin);
          latents = step(run, i, latents, conditioning, kept, scope);
          values.listener.accept(
              new SamplingProgress(
                  i - begin + 1, run.steps() - begin, first, prompts.size(), total));
        }
        latents.attach(owner);
        return latents;
      }
    }

    private Conditioning condition(@Nullable SourceImages source, NDManager scope) {
      Conditioning positive = values.states.apply(values.encoder.encode(prompts, size, scope));
      return guided.condition(positive, ofImages(source, scope), size, scope);
    }

    private Map<String, NDArray> ofImages(@Nullable SourceImages source, NDManager scope) {
      Optional<InpaintingCondition> condition = model.capability(InpaintingCondition.class);
      if (source == null || !source.masked() || condition.isEmpty()) {
        return Map.of();
      }
      try (NDManager temporary = scope.newSubManager()) {
        return condition
            .get()
            .of(
                source.pixels(first, prompts.size(), temporary),
                source.masks(first, prompts.size(), temporary),
                stack(temporary, image -> noise.posterior(image, true, shape, temporary)),
                scope);
      }
    }

    /** What stays of the images, if the network does not see it. */
    private Optional<KeptPart> kept(@Nullable SourceImages source, NDArray fresh, NDManager scope) {
      if (source == null
          || !source.masked()
          || model.capability(InpaintingCondition.class).isPresent()) {
        return Optional.empty();
      }
      NDArray clean = clean(source, scope);
      NDArray same = fresh.duplicate();
      same.attach(scope);
      return Optional.of(
          new KeptPart(clean, same, source.latentMasks(first, prompts.size(), size, scope)));
    }

    private NDArray clean(SourceImages source, NDManager scope) {
      try (NDManager temporary = scope.newSubManager()) {
        NDArray clean =
            Capabilities.require(model, LatentCodec.class, "starting from images")
                .encode(
                    source.pixels(first, prompts.size(), temporary),
                    stack(temporary, image -> noise.posterior(image, false, shape, temporary)));
        clean.attach(scope);
        return clean;
      }
    }

    /** The latents before the first step. */
    private NDArray start(
        SamplerRun run,
        @Nullable SourceImages source,
        int begin,
        NDArray fresh,
        Optional<KeptPart> kept,
        NDManager scope) {
      if (source == null || (source.masked() && source.strength() == 1)) {
        return fresh.muli(run.initNoiseSigma());
      }
      try (NDManager temporary = scope.newSubManager()) {
        NDArray clean = kept.map(KeptPart::clean).orElseGet(() -> clean(source, temporary));
        NDArray noised = run.addNoise(clean, begin, fresh);
        noised.attach(scope);
        fresh.close();
        return noised;
      }
    }

    /** Makes a step; frees everything but its result, which belongs to {@code scope}. */
    private NDArray step(
        SamplerRun run,
        int index,
        NDArray latents,
        Conditioning conditioning,
        Optional<KeptPart> kept,
        NDManager scope) {
      try (NDManager step = scope.newSubManager()) {
        latents.attach(step);
        NDArray input = run.scaleModelInput(latents, index);
        NDArray output = guided.predict(input, run.timesteps()[index], conditioning, step);
        NDArray fresh =
            run.drawsNoise(index)
                ? stack(step, image -> noise.step(image, index, shape, step))
                : null;
        NDArray made = run.step(output, index, latents, fresh);
        NDArray next = kept.map(part -> part.restored(run, index, made)).orElse(made);
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
      if (values.cancelled.getAsBoolean() || Thread.currentThread().isInterrupted()) {
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
