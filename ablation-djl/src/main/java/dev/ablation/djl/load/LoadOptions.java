package dev.ablation.djl.load;

import ai.djl.Device;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.djl.embedding.TextualInversion;
import dev.ablation.djl.nn.Precision;
import dev.ablation.safetensors.SafetensorsFile;
import dev.ablation.schedule.PredictionType;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * How a model is opened. Immutable: every setter returns a copy.
 *
 * {@snippet class="dev.ablation.djl.Snippets" region="options"}
 */
@CheckReturnValue
public final class LoadOptions {
  private static final LoadOptions DEFAULTS = new LoadOptions();

  private @Nullable Device device;
  private int threads;
  private int workers = 1;
  private @Nullable String variant;
  private Precision precision = Precision.FLOAT32;
  private WeightDtype weightDtype = WeightDtype.FLOAT32;
  private @Nullable Path tokenizer;
  private @Nullable Path config;
  private Set<String> without = Set.of();
  private Map<String, Path> components = Map.of();
  private boolean ema;
  private @Nullable PredictionType prediction;
  private int maxSequenceLength;
  private @Nullable Double guidance;
  private boolean gradientCheckpointing;
  private boolean vaeSlicing;
  private boolean vaeTiling;
  private boolean textEncoderOffload;
  private SafetensorsFile.Access access = SafetensorsFile.Access.MAP;
  private List<TextualInversion> textualInversions = List.of();

  private LoadOptions() {}

  private LoadOptions(LoadOptions other) {
    device = other.device;
    threads = other.threads;
    workers = other.workers;
    variant = other.variant;
    precision = other.precision;
    weightDtype = other.weightDtype;
    tokenizer = other.tokenizer;
    config = other.config;
    without = other.without;
    components = other.components;
    ema = other.ema;
    prediction = other.prediction;
    maxSequenceLength = other.maxSequenceLength;
    guidance = other.guidance;
    gradientCheckpointing = other.gradientCheckpointing;
    vaeSlicing = other.vaeSlicing;
    vaeTiling = other.vaeTiling;
    textEncoderOffload = other.textEncoderOffload;
    access = other.access;
    textualInversions = other.textualInversions;
  }

  /**
   * {@return the defaults: best device, the engine's threads, plain files, float32, everything from
   * the model's folder}
   */
  public static LoadOptions defaults() {
    return DEFAULTS;
  }

  /**
   * {@return where the networks run; empty for the first GPU if the engine sees one, else the CPU}
   */
  public Optional<Device> device() {
    return Optional.ofNullable(device);
  }

  /** {@return the threads of one operation on the CPU; 0 for the engine's choice} */
  public int threads() {
    return threads;
  }

  /** {@return the threads that share a batch on the CPU} */
  public int workers() {
    return workers;
  }

  /** {@return the variant of the weight files; empty for the plain files or the only variant} */
  public Optional<String> variant() {
    return Optional.ofNullable(variant);
  }

  /** {@return the number format in which the networks compute} */
  public Precision precision() {
    return precision;
  }

  /** {@return the dtype in which weights are stored} */
  public WeightDtype weightDtype() {
    return weightDtype;
  }

  /** {@return the folder of the tokenizer's files; empty for the model's own} */
  public Optional<Path> tokenizer() {
    return Optional.ofNullable(tokenizer);
  }

  /**
   * {@return the folder of configurations and tokenizers for a checkpoint in a single file; empty
   * for those that the library has}
   */
  public Optional<Path> config() {
    return Optional.ofNullable(config);
  }

  /** {@return the components that are left out} */
  public Set<String> without() {
    return without;
  }

  /** {@return components that come from elsewhere: name to folder or file} */
  public Map<String, Path> components() {
    return components;
  }

  /** {@return whether the averaged weights of a single file are taken} */
  public boolean ema() {
    return ema;
  }

  /** {@return what the network of a single file predicts; empty if it is to be found out} */
  public Optional<PredictionType> prediction() {
    return Optional.ofNullable(prediction);
  }

  /** {@return the tokens of T5 in Stable Diffusion 3 and FLUX.1; 0 for the published number} */
  public int maxSequenceLength() {
    return maxSequenceLength;
  }

  /** {@return the guidance scale of FLUX.1 dev's conditioning; empty for the published 3.5} */
  public OptionalDouble guidance() {
    return guidance == null ? OptionalDouble.empty() : OptionalDouble.of(guidance);
  }

  /** {@return whether blocks are computed once more in the backward pass} */
  public boolean gradientCheckpointing() {
    return gradientCheckpointing;
  }

  /** {@return whether the autoencoder takes one image at a time} */
  public boolean vaeSlicing() {
    return vaeSlicing;
  }

  /** {@return whether the autoencoder takes large images in tiles} */
  public boolean vaeTiling() {
    return vaeTiling;
  }

  /** {@return whether the text encoders' weights are on the device only during a call} */
  public boolean textEncoderOffload() {
    return textEncoderOffload;
  }

  /** {@return how weights get from the files into memory} */
  public SafetensorsFile.Access access() {
    return access;
  }

  /**
   * Chooses how weights get from the files into memory. Mapped weights take memory only where they
   * are used, but a file that is cut or overwritten in place while the model is open changes its
   * weights or ends the process. {@link SafetensorsFile.Access#COPY} reads everything at once.
   *
   * @param access of the weight files
   * @return a copy with the given access
   */
  public LoadOptions access(SafetensorsFile.Access access) {
    LoadOptions copy = new LoadOptions(this);
    copy.access = Objects.requireNonNull(access, "access");
    return copy;
  }

  /**
   * Chooses the device.
   *
   * @param device such as {@code Device.cpu()} or {@code Device.gpu(1)}
   * @return a copy with the given device
   */
  public LoadOptions device(Device device) {
    LoadOptions copy = new LoadOptions(this);
    copy.device = Objects.requireNonNull(device, "device");
    return copy;
  }

  /**
   * Chooses the number of threads that one operation may use on the CPU, for the whole JVM.
   *
   * @param threads not negative; 0 leaves the engine's choice
   * @return a copy with the given threads
   */
  public LoadOptions threads(int threads) {
    if (threads < 0) {
      throw new IllegalArgumentException("threads must not be negative, was " + threads);
    }
    LoadOptions copy = new LoadOptions(this);
    copy.threads = threads;
    return copy;
  }

  /**
   * Chooses how many threads share the work on a batch on the CPU, each with some of its images:
   * drawing, training and evaluation. With a small network and a batch of at least as many images
   * that is faster than operations of {@link #threads()} threads. Unless {@code threads} is given,
   * each worker has its share of the cores. Numbers differ in the last digits, as between batch
   * sizes. Ignored on a GPU, in half precision, and in a training step with gradient checkpointing.
   *
   * @param workers positive; 1, the default, for none but the calling thread
   * @return a copy with the given workers
   */
  public LoadOptions workers(int workers) {
    if (workers < 1) {
      throw new IllegalArgumentException("workers must be positive, was " + workers);
    }
    LoadOptions copy = new LoadOptions(this);
    copy.workers = workers;
    return copy;
  }

  /**
   * Chooses the variant of the weight files.
   *
   * @param variant such as {@code "fp16"}
   * @return a copy with the given variant
   */
  public LoadOptions variant(String variant) {
    if (variant.isBlank()) {
      throw new IllegalArgumentException("variant must not be blank; leave it out instead");
    }
    LoadOptions copy = new LoadOptions(this);
    copy.variant = variant;
    return copy;
  }

  /**
   * Chooses the number format in which the networks compute. Other formats than float32 need less
   * memory or time, and results no longer equal the Python original's to the digits. A format that
   * the device has no instructions for is refused when a model is loaded; see {@link
   * Precision#isSupportedBy}.
   *
   * @param precision of the denoising network and of the autoencoder, which computes in float32
   *     nevertheless where it would overflow in float16; text encoders compute in float32
   * @return a copy with the given precision
   */
  public LoadOptions precision(Precision precision) {
    LoadOptions copy = new LoadOptions(this);
    copy.precision = Objects.requireNonNull(precision, "precision");
    return copy;
  }

  /**
   * Chooses the dtype in which weights are stored. {@link WeightDtype#AS_STORED} halves the memory
   * of a model that is published in half precision, without a change of its results.
   *
   * @param dtype of the weights of all networks
   * @return a copy with the given dtype
   */
  public LoadOptions weightDtype(WeightDtype dtype) {
    LoadOptions copy = new LoadOptions(this);
    copy.weightDtype = Objects.requireNonNull(dtype, "dtype");
    return copy;
  }

  /**
   * Chooses the tokenizer.
   *
   * @param folder of its files, such as a pipeline's {@code tokenizer}
   * @return a copy with the given folder
   */
  public LoadOptions tokenizer(Path folder) {
    LoadOptions copy = new LoadOptions(this);
    copy.tokenizer = Objects.requireNonNull(folder, "folder");
    return copy;
  }

  /**
   * Says where the configuration of a checkpoint in a single file is. It is needed only for
   * networks that differ from the published ones in what shapes do not show, such as the number of
   * attention heads, and for tokenizers of their own. What the folder lacks, the library has.
   *
   * @param folder in diffusers' layout; its weights, if it has any, are not read
   * @return a copy with the given folder
   */
  public LoadOptions config(Path folder) {
    LoadOptions copy = new LoadOptions(this);
    copy.config = Objects.requireNonNull(folder, "folder");
    return copy;
  }

  /**
   * Leaves a component out. Stable Diffusion 3 can do without {@code "text_encoder_3"}, which is T5
   * and takes most of the memory.
   *
   * @param component its key in {@code model_index.json}
   * @return a changed copy
   */
  public LoadOptions without(String component) {
    LoadOptions copy = new LoadOptions(this);
    Set<String> components = new TreeSet<>(without);
    components.add(component);
    copy.without = Collections.unmodifiableSet(components);
    return copy;
  }

  /**
   * Takes a component from elsewhere: one that a single file lacks, such as the text encoders of
   * FLUX.1, or a better autoencoder.
   *
   * @param component its key in {@code model_index.json}, such as {@code "vae"}
   * @param path its folder in diffusers' layout, or for a network a {@code .safetensors} file that
   *     holds it alone or among others
   * @return a changed copy
   */
  public LoadOptions component(String component, Path path) {
    LoadOptions copy = new LoadOptions(this);
    Map<String, Path> all = new TreeMap<>(components);
    all.put(Objects.requireNonNull(component, "component"), Objects.requireNonNull(path, "path"));
    copy.components = Collections.unmodifiableMap(all);
    return copy;
  }

  /**
   * Chooses between the weights of a single file and their averages over the steps of training, if
   * it has both. As in diffusers the averages are not taken unless it is said here; where a file's
   * name ends in {@code emaonly}, its only weights are the averages.
   *
   * @param averages whether the averages ({@code model_ema.}) are taken; then the file must have
   *     them
   * @return a changed copy
   */
  public LoadOptions ema(boolean averages) {
    LoadOptions copy = new LoadOptions(this);
    copy.ema = averages;
    return copy;
  }

  /**
   * Says what the network of a single file predicts. It is otherwise found out: from a {@code
   * .yaml} file of the same name, from the metadata, and of Stable Diffusion 2.x from the weights.
   *
   * @param type of Stable Diffusion 1.x, 2.x or XL
   * @return a changed copy
   */
  public LoadOptions prediction(PredictionType type) {
    LoadOptions copy = new LoadOptions(this);
    copy.prediction = Objects.requireNonNull(type, "type");
    return copy;
  }

  /**
   * Chooses how many tokens of T5 the network reads, the end token included (diffusers' {@code
   * max_sequence_length}). Published: 256 of Stable Diffusion 3 and FLUX.1 schnell, 512 of FLUX.1
   * dev. Where T5 is left out, as many zeros take its place.
   *
   * @param tokens positive
   * @return a changed copy
   */
  public LoadOptions maxSequenceLength(int tokens) {
    if (tokens < 1) {
      throw new IllegalArgumentException("maxSequenceLength must be positive, was " + tokens);
    }
    LoadOptions copy = new LoadOptions(this);
    copy.maxSequenceLength = tokens;
    return copy;
  }

  /**
   * Chooses the guidance scale in the conditioning of a network that was distilled with guidance,
   * such as FLUX.1 dev's: in training, and in sampling where {@code Guidance.embedded} does not
   * give another.
   *
   * @param scale finite, not negative
   * @return a changed copy
   */
  public LoadOptions guidance(double scale) {
    if (!(scale >= 0) || Double.isInfinite(scale)) {
      throw new IllegalArgumentException("guidance must be finite and not negative, was " + scale);
    }
    LoadOptions copy = new LoadOptions(this);
    copy.guidance = scale;
    return copy;
  }

  /**
   * Chooses whether the blocks of the denoising network are computed once more in the backward
   * pass, instead of keeping all activations for it ({@code enable_gradient_checkpointing} in
   * diffusers). Gradients are the same; the forward pass of a training step is computed twice.
   *
   * @param recompute whether they are
   * @return a copy with this setting
   */
  public LoadOptions gradientCheckpointing(boolean recompute) {
    LoadOptions copy = new LoadOptions(this);
    copy.gradientCheckpointing = recompute;
    return copy;
  }

  /**
   * Chooses whether the autoencoder encodes and decodes the images of a batch one after the other
   * ({@code enable_vae_slicing} in diffusers).
   *
   * @param slicing whether it does
   * @return a copy with this setting
   */
  public LoadOptions vaeSlicing(boolean slicing) {
    LoadOptions copy = new LoadOptions(this);
    copy.vaeSlicing = slicing;
    return copy;
  }

  /**
   * Chooses whether the autoencoder encodes and decodes images that are larger than its {@code
   * sample_size} in overlapping tiles, which are blended ({@code enable_vae_tiling} in diffusers).
   * Memory no longer grows with the image, and the result differs a little from that of the whole
   * image, since normalisations see one tile at a time.
   *
   * @param tiling whether it does
   * @return a copy with this setting
   */
  public LoadOptions vaeTiling(boolean tiling) {
    LoadOptions copy = new LoadOptions(this);
    copy.vaeTiling = tiling;
    return copy;
  }

  /**
   * Chooses whether the weights of the text encoders stay in the memory of the host, mapped from
   * their files in the dtype that they have there, and get to the device one layer at a time while
   * a prompt is encoded. Training encodes each prompt once and keeps the result, so it costs little
   * time. Results are the same.
   *
   * @param offload whether they do
   * @return a copy with this setting
   */
  public LoadOptions textEncoderOffload(boolean offload) {
    LoadOptions copy = new LoadOptions(this);
    copy.textEncoderOffload = offload;
    return copy;
  }

  /** {@return the tokens that are added to the vocabulary} */
  public List<TextualInversion> textualInversions() {
    return textualInversions;
  }

  /**
   * Adds a token to the vocabulary of a model of Stable Diffusion 1.x, 2.x or XL. Its vectors
   * become rows of the text encoder's table: weights like all others, which an ablation may change
   * and an export writes. May be called for several tokens.
   *
   * @param added a token and its vectors
   * @return a changed copy
   */
  public LoadOptions textualInversion(TextualInversion added) {
    LoadOptions copy = new LoadOptions(this);
    List<TextualInversion> all = new ArrayList<>(textualInversions);
    all.add(Objects.requireNonNull(added, "added"));
    copy.textualInversions = Collections.unmodifiableList(all);
    return copy;
  }

  @Override
  public String toString() {
    return "device %s, threads %d, workers %d, variant %s, %s, weights %s, tokenizer %s, config %s"
            .formatted(device, threads, workers, variant, precision, weightDtype, tokenizer, config)
        + ", without %s, components %s, ema %s, prediction %s"
            .formatted(without, components, ema, prediction)
        + ", maxSequenceLength %d, guidance %s, added %s"
            .formatted(maxSequenceLength, guidance, textualInversions)
        + ", gradientCheckpointing %s, vaeSlicing %s, vaeTiling %s, textEncoderOffload %s"
            .formatted(gradientCheckpointing, vaeSlicing, vaeTiling, textEncoderOffload)
        + ", access %s".formatted(access);
  }
}
