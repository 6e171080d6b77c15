package dev.ablation.djl;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.clip.ClipTextEncoder;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.internal.pipeline.PipelineLoader;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.model.Conditioning;
import dev.ablation.model.LatentSize;
import dev.ablation.sample.SamplingDefaults;
import dev.ablation.sample.SamplingSettings;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Stable Diffusion XL (Podell et al. 2023, arXiv 2307.01952), opened from a checkpoint folder in
 * diffusers' layout or from a single file: the base model and those fine-tuned from it, such as
 * Turbo and Lightning; the refiner is refused.
 *
 * <p>The conditioning has three arrays: text embeddings, the second last hidden states of both text
 * encoders side by side; the pooled embedding of the second; and {@linkplain ImageSizes sizes}. The
 * empty prompt is the unconditional one: where the checkpoint says {@code
 * force_zeros_for_empty_prompt}, as the published ones do, its embeddings are zeros.
 *
 * <p>Weights are kept as of {@link StableDiffusion}. One thread at a time.
 */
public final class StableDiffusionXL extends UNetDiffusion {
  private static final Kernel JOIN = Kernel.of("(a, b): return torch.cat([a, b], 2)");

  private static final Set<String> CONDITIONS =
      Set.of(Conditioning.TEXT, Conditioning.POOLED, Conditioning.TIME_IDS);

  /** Published defaults of the pipeline. */
  private static final int STEPS = 50;

  private static final double GUIDANCE_SCALE = 5;

  private final ClipTextEncoder first;
  private final ClipTextEncoder second;
  private final boolean zerosForEmptyPrompt;

  StableDiffusionXL(
      Parts parts, ClipTextEncoder first, ClipTextEncoder second, boolean zerosForEmptyPrompt) {
    super(parts, first.tokenizer());
    this.first = first;
    this.second = second;
    this.zerosForEmptyPrompt = zerosForEmptyPrompt;
    SamplingSettings settings =
        new SamplingSettings(parts.scheduler().sampler(), STEPS, GUIDANCE_SCALE, "", 1);
    offer(SamplingDefaults.class, () -> settings);
  }

  /**
   * Opens a checkpoint on the best device.
   *
   * @param checkpoint a folder with {@code model_index.json} and the folders that it names, or a
   *     single {@code .safetensors} file
   * @return the model, closed by the caller
   * @throws IOException if a file is missing, malformed or of a kind that is not supported, such as
   *     the refiner; the message names it and says what is expected
   */
  public static StableDiffusionXL load(Path checkpoint) throws IOException {
    return load(checkpoint, LoadOptions.defaults());
  }

  /**
   * Opens a checkpoint: a folder in diffusers' layout, or a single file with the names of the
   * original code.
   *
   * @param checkpoint a folder with {@code model_index.json} and the folders that it names, or a
   *     {@code .safetensors} file; {@link LoadOptions#component} names where networks are that the
   *     file lacks
   * @param options device, threads, variant, format of the weights; no tokenizer
   * @return the model, closed by the caller
   * @throws IOException if a file is missing, malformed or of a kind that is not supported, such as
   *     the refiner; the message names it and says what is expected
   */
  public static StableDiffusionXL load(Path checkpoint, LoadOptions options) throws IOException {
    return PipelineLoader.load(checkpoint, options, List.of(new StableDiffusionXLPipeline()));
  }

  /** {@return CLIP-L with its tokenizer} */
  public ClipTextEncoder textEncoder() {
    return first;
  }

  /** {@return OpenCLIP bigG with its projection and its tokenizer} */
  public ClipTextEncoder textEncoder2() {
    return second;
  }

  /**
   * {@inheritDoc}
   *
   * <p>The image's original size is its own and nothing is cropped.
   */
  @Override
  public Conditioning encode(List<String> prompts, LatentSize size, NDManager scope) {
    return encode(prompts, prompts, 0, null, size, scope);
  }

  /** The empty prompt is the unconditional one; without sizes the image's own are used. */
  Conditioning encode(
      List<String> prompts,
      List<String> prompts2,
      int clipSkip,
      @Nullable ImageSizes given,
      LatentSize size,
      NDManager scope) {
    int factor = vae().config().downscaling();
    ImageSizes sizes =
        given == null ? ImageSizes.of(size.height() * factor, size.width() * factor) : given;
    Conditioning made =
        withoutImage(encode(prompts, prompts2, clipSkip, sizes, scope), size, scope);
    if (!zerosForEmptyPrompt) {
      return made;
    }
    List<Boolean> empty = new ArrayList<>();
    for (int i = 0; i < prompts.size(); i++) {
      empty.add(prompts.get(i).isEmpty() && prompts2.get(i).isEmpty());
    }
    return empty.contains(true) ? zeroed(made, empty) : made;
  }

  /**
   * {@return how prompts are encoded, to be changed and given to {@link
   * dev.ablation.sample.LatentSampler#encoders}}
   */
  public SdxlPromptEncoder promptEncoder() {
    return SdxlPromptEncoder.of(this);
  }

  @Override
  public Map<String, String> encodingSettings() {
    return Map.of("zerosForEmptyPrompt", Boolean.toString(zerosForEmptyPrompt));
  }

  /**
   * Encodes prompts with all options. The empty prompt is encoded as any other.
   *
   * @param prompts B prompts of the first text encoder
   * @param prompts2 B prompts of the second one, whose pooled embedding is used
   * @param clipSkip how many layers of each encoder to leave out beside the last one, usually 0
   * @param sizes of all images
   * @param scope owner of the result
   * @return text embeddings (B, T, D), pooled embeddings (B, P) and sizes (B, 6), float32, on the
   *     model's device
   * @throws IllegalArgumentException if there is no prompt, their numbers differ or so many layers
   *     cannot be left out
   */
  public Conditioning encode(
      List<String> prompts,
      List<String> prompts2,
      int clipSkip,
      ImageSizes sizes,
      NDManager scope) {
    if (prompts.isEmpty() || prompts2.size() != prompts.size()) {
      throw new IllegalArgumentException(
          "prompts: expected as many for both encoders, at least one, were %d and %d"
              .formatted(prompts.size(), prompts2.size()));
    }
    return during(() -> {
      NDList a = first.encode(prompts, clipSkip, scope);
      NDList b = second.encode(prompts2, clipSkip, scope);
      Map<String, NDArray> arrays = new LinkedHashMap<>();
      arrays.put(Conditioning.TEXT, JOIN.call(a.get(0), b.get(0)));
      arrays.put(Conditioning.POOLED, b.remove(1));
      arrays.put(Conditioning.TIME_IDS, timeIds(sizes, prompts.size(), scope));
      a.close();
      b.close();
      return new Conditioning(arrays).attach(scope);
    });
  }

  private NDArray timeIds(ImageSizes sizes, int count, NDManager scope) {
    float[] row = sizes.numbers();
    float[] rows = new float[count * row.length];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = row[i % row.length];
    }
    return scope.create(rows, new Shape(count, row.length)).toDevice(descriptor().device(), false);
  }

  /** Multiplies the rows of empty prompts by 0. */
  private Conditioning zeroed(Conditioning made, List<Boolean> empty) {
    float[] factors = new float[empty.size()];
    for (int i = 0; i < factors.length; i++) {
      factors[i] = empty.get(i) ? 0 : 1;
    }
    return during(() -> {
      NDArray text = made.textEmbeddings();
      NDArray pooled = made.get(Conditioning.POOLED);
      NDManager scope = text.getManager();
      // A copy of the engine's own, which a recorded product may retain.
      NDArray rows = scope.create(factors).toDevice(descriptor().device(), true);
      Conditioning zeroed =
          made.with(Conditioning.TEXT, text.mul(rows.reshape(-1, 1, 1)))
              .with(Conditioning.POOLED, pooled.mul(rows.reshape(-1, 1)))
              .attach(scope);
      text.close();
      pooled.close();
      return zeroed;
    });
  }

  @Override
  public NDArray predict(NDArray latents, NDArray timesteps, Conditioning conditioning) {
    conditioning.checkNames(conditions(CONDITIONS), Set.of());
    checkShapes(latents, timesteps, conditioning);
    NDArray pooled = conditioning.get(Conditioning.POOLED);
    NDArray timeIds = conditioning.get(Conditioning.TIME_IDS);
    long rows = latents.getShape().get(0);
    check(
        Conditioning.POOLED,
        pooled,
        new Shape(
            rows,
            (long) unet().config().additionWidth()
                - (long) ImageSizes.NUMBERS * unet().config().additionTimeWidth()));
    check(Conditioning.TIME_IDS, timeIds, new Shape(rows, ImageSizes.NUMBERS));
    return during(() ->
        unet()
            .apply(
                input(latents, conditioning),
                timesteps,
                conditioning.textEmbeddings(),
                pooled,
                timeIds));
  }

  private static void check(String name, NDArray array, Shape expected) {
    if (!array.getShape().equals(expected)) {
      throw new IllegalArgumentException(
          "conditioning: expected '%s' %s, was %s".formatted(name, expected, array.getShape()));
    }
  }

  @Override
  void closeTokenizers() {
    first.tokenizer().close();
    second.tokenizer().close();
  }
}
