package dev.ablation.anchor;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.common.base.Preconditions;
import com.google.common.hash.Hashing;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.concept.Concept;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.ModelDescriptor;
import dev.ablation.model.PromptTokenizer;
import dev.ablation.random.RandomStreams;
import dev.ablation.sample.LatentSampler;
import dev.ablation.sample.NoiseSource;
import dev.ablation.sample.SamplingProgress;
import dev.ablation.sample.SamplingSettings;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Anchor images that the model generates: image i shows prompt {@code i mod n}. The latents are
 * used as the sampler returns them, without decoding and encoding them again.
 *
 * @param name the anchor's name
 * @param givenPrompts anchor prompts; {@code null} for the target's own or, if it has none,
 *     built-in ones about {@code name}
 * @param givenImages number of images, positive; {@code null} for the preset's number
 * @param givenSampling settings for generating them; {@code null} for the preset's settings
 * @param cache folder in which generated latents are cached; {@code null} to cache them in the
 *     folder of the run's checkpoints or, without one, only in memory
 */
@CheckReturnValue
public record GeneratedAnchors(
    String name,
    @Nullable List<String> givenPrompts,
    @Nullable Integer givenImages,
    @Nullable SamplingSettings givenSampling,
    @Nullable Path cache)
    implements AnchorStrategy {
  /** Number of prompts that the published code reads from a file or requests from a chat model. */
  static final int PUBLISHED_PROMPTS = 200;

  /** Checks the name, the prompts and the number of images. */
  public GeneratedAnchors {
    Preconditions.checkArgument(!name.isBlank(), "name of an anchor must not be blank");
    name = name.strip();
    if (givenPrompts != null) {
      givenPrompts = List.copyOf(givenPrompts);
      Preconditions.checkArgument(!givenPrompts.isEmpty(), "prompts must not be empty");
      Preconditions.checkArgument(
          givenPrompts.equals(UnconditionalAnchors.PROMPTS)
              || givenPrompts.stream().noneMatch(String::isBlank),
          "prompts must not be blank, but number %s of %s is",
          1 + givenPrompts.stream().map(String::isBlank).toList().indexOf(true),
          givenPrompts.size());
    }
    if (givenImages != null) {
      Preconditions.checkArgument(givenImages > 0, "images must be positive, was %s", givenImages);
    }
  }

  static GeneratedAnchors of(String name) {
    return new GeneratedAnchors(name, null, null, null, null);
  }

  @Override
  public GeneratedAnchors withDefaults(Concept target, AnchorDefaults defaults) {
    return new GeneratedAnchors(
        name,
        givenPrompts,
        givenImages == null ? Integer.valueOf(defaults.images()) : givenImages,
        givenSampling == null ? defaults.samplingFor(target) : givenSampling,
        cache);
  }

  @Override
  public GeneratedAnchors excludingPrompts(Concept target, Set<String> prompts) {
    return prompts(prompts(target).stream().filter(prompt -> !prompts.contains(prompt)).toList());
  }

  @Override
  public int images() {
    return givenImages == null ? AnchorDefaults.diffusers().images() : givenImages;
  }

  /** {@return the settings for generating the images} */
  public SamplingSettings sampling() {
    return givenSampling == null ? AnchorDefaults.diffusers().sampling() : givenSampling;
  }

  /**
   * Changes the prompts.
   *
   * @param prompts the prompts, at least one
   * @return a copy with the given prompts
   */
  public GeneratedAnchors prompts(List<String> prompts) {
    return new GeneratedAnchors(name, prompts, givenImages, givenSampling, cache);
  }

  /**
   * Changes the number of images.
   *
   * @param images number of images, positive
   * @return a copy with the given number of images
   */
  public GeneratedAnchors images(int images) {
    return new GeneratedAnchors(name, givenPrompts, images, givenSampling, cache);
  }

  /**
   * Changes how the images are generated.
   *
   * @param sampling sampler, steps, guidance, negative prompt, batch size
   * @return a copy with the given sampling settings
   */
  public GeneratedAnchors sampling(SamplingSettings sampling) {
    Objects.requireNonNull(sampling, "sampling");
    return new GeneratedAnchors(name, givenPrompts, givenImages, sampling, cache);
  }

  /**
   * Caches generated latents in a folder: a later run with the same model and settings starts
   * training at once, and an interrupted run continues where it stopped. A cached file is reused
   * only if everything that determines it is the same. Several runs, even in different processes,
   * may share the folder.
   *
   * @param folder the folder; created if it does not exist
   * @return a copy with the given cache folder
   */
  public GeneratedAnchors cachedIn(Path folder) {
    return new GeneratedAnchors(name, givenPrompts, givenImages, givenSampling, folder);
  }

  @Override
  public List<String> prompts(Concept target) {
    if (givenPrompts != null) {
      return givenPrompts;
    }
    List<String> ofTheTarget = target.anchorPrompts();
    return ofTheTarget.isEmpty() ? BuiltInPrompts.about(name, target.kind()) : ofTheTarget;
  }

  @Override
  public GeneratedAnchors compatibleWith(DiffusionModel model, Concept target) {
    Optional<PromptTokenizer> tokenizer = model.capability(PromptTokenizer.class);
    if (givenPrompts != null || !target.anchorPrompts().isEmpty() || tokenizer.isEmpty()) {
      return this;
    }
    List<String> all = prompts(target);
    List<String> read = notTruncated(all, target, tokenizer.get());
    if (read.size() == all.size()) {
      return this;
    }
    if (read.size() < BuiltInPrompts.TEMPLATES) {
      // Templates are short, so they add variety for a model that reads only short prompts.
      read.addAll(
          notTruncated(BuiltInPrompts.templates(name, target.kind()), target, tokenizer.get()));
    }
    return read.isEmpty() ? this : prompts(read.stream().distinct().toList());
  }

  private List<String> notTruncated(
      List<String> prompts, Concept target, PromptTokenizer tokenizer) {
    List<String> read = new ArrayList<>();
    for (String prompt : prompts) {
      List<String> pair = new ArrayList<>(List.of(prompt));
      try {
        pair.addAll(targetPrompts(target, prompt));
      } catch (IllegalArgumentException e) {
        // No target prompt exists. The run's check finds this, too, and reports it.
        read.add(prompt);
        continue;
      }
      if (pair.stream().noneMatch(text -> tokenizer.tokens(text).truncated())) {
        read.add(prompt);
      }
    }
    return read;
  }

  @Override
  public GeneratedAnchors sample(Concept target, int images) {
    List<String> pool = prompts(target);
    GeneratedAnchors fewer = images(Math.min(images, images()));
    return images < pool.size() ? fewer.prompts(EvenSubset.over(pool, images)) : fewer;
  }

  @Override
  public Map<String, String> settings(Concept target) {
    List<String> prompts = prompts(target);
    Map<String, String> settings = new TreeMap<>();
    settings.put("anchor.name", name);
    settings.put("anchor.images", Integer.toString(images()));
    settings.put("anchor.prompts", Integer.toString(prompts.size()));
    settings.put(
        "anchor.prompts.sha256",
        Hashing.sha256().hashString(String.join("\n", prompts), StandardCharsets.UTF_8).toString());
    SamplingSettings sampling = sampling();
    settings.put("anchor.sampler", sampling.sampler().name() + sampling.sampler().settings());
    settings.put("anchor.steps", Integer.toString(sampling.steps()));
    settings.put("anchor.guidanceScale", sampling.guidanceText());
    settings.put("anchor.negativePrompt", sampling.negativePrompt());
    settings.put("anchor.batchSize", Integer.toString(sampling.batchSize()));
    return settings;
  }

  @Override
  public AnchorSet prepare(DiffusionModel model, Concept target, AnchorContext context)
      throws IOException {
    List<String> prompts = promptsOfImages(target);
    LatentCache kept = cache(model, target, context);
    try (NDManager scope = model.newScope()) {
      NDArray latents = new Generation(model, prompts, context, kept, scope).latents();
      latents.attach(model.manager());
      return new AnchorSet(latents, prompts);
    }
  }

  private List<String> promptsOfImages(Concept target) {
    List<String> pool = prompts(target);
    return IntStream.range(0, images()).mapToObj(i -> pool.get(i % pool.size())).toList();
  }

  private @Nullable LatentCache cache(DiffusionModel model, Concept target, AnchorContext context)
      throws IOException {
    Path folder = cache == null ? context.folder().orElse(null) : cache;
    return folder == null
        ? null
        : LatentCache.of(
            folder,
            model,
            promptsOfImages(target),
            settings(target),
            sampling().batchSize(),
            context.seed());
  }

  @Override
  public AnchorCost cost(DiffusionModel model, Concept target, AnchorContext context)
      throws IOException {
    LatentCache kept = cache(model, target, context);
    int batchSize = sampling().batchSize();
    long missing = 0;
    for (int first = 0; first < images(); first += batchSize) {
      int count = Math.min(batchSize, images() - first);
      if (kept == null || !kept.holds(first, count)) {
        missing += count;
      }
    }
    return new AnchorCost(
        sampling().forwardPasses(model, missing), sampling().guidance().rows() * batchSize);
  }

  /** Generates batch by batch; caches each batch at once and reads cached ones. */
  private final class Generation {
    private final DiffusionModel model;
    private final List<String> prompts;
    private final AnchorContext context;
    private final @Nullable LatentCache kept;
    private final NDManager scope;

    /** Whether images came from the cache since the last progress report. */
    private boolean unreported;

    Generation(
        DiffusionModel model,
        List<String> prompts,
        AnchorContext context,
        @Nullable LatentCache kept,
        NDManager scope) {
      this.model = model;
      this.prompts = prompts;
      this.context = context;
      this.kept = kept;
      this.scope = scope;
    }

    NDArray latents() throws IOException {
      NDList batches = new NDList();
      for (int first = 0; first < images(); first += sampling().batchSize()) {
        batches.add(batch(first, Math.min(first + sampling().batchSize(), images())));
      }
      reportFound(images());
      return batches.size() == 1 ? batches.get(0) : NDArrays.concat(batches, 0);
    }

    private NDArray batch(int first, int end) throws IOException {
      if (kept == null) {
        return draw(first, end);
      }
      ModelDescriptor shape = model.descriptor();
      Shape expected =
          new Shape(
              (long) end - first,
              shape.latentChannels(),
              shape.latentHeight(),
              shape.latentWidth());
      Optional<NDArray> found = kept.read(first, expected, scope, context::warn);
      if (found.isPresent()) {
        unreported = true;
        return found.get();
      }
      reportFound(first);
      NDArray drawn = draw(first, end);
      kept.write(first, drawn);
      return drawn;
    }

    private NDArray draw(int first, int end) {
      long seed = RandomStreams.seed(context.seed(), "anchors", 0);
      return LatentSampler.of(model)
          .settings(sampling())
          .cancellation(context::cancelled)
          .warnings(context::warn)
          .listener(progress -> report(first, progress))
          .sample(prompts.subList(first, end), NoiseSource.ofSeed(seed + first), scope);
    }

    private void reportFound(int end) {
      if (unreported) {
        unreported = false;
        context.progress((long) end * sampling().steps(), total(), true);
      }
    }

    private void report(int first, SamplingProgress progress) {
      long before = (long) first * sampling().steps();
      context.progress(before + (long) progress.step() * progress.batchImages(), total(), false);
    }

    private long total() {
      return (long) images() * sampling().steps();
    }
  }
}
