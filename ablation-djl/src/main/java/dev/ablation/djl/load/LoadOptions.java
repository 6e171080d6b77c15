package dev.ablation.djl.load;

import ai.djl.Device;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.djl.nn.Precision;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * How a model is opened. Immutable; a method with an argument returns a changed copy.
 *
 * {@snippet class="dev.ablation.djl.Snippets" region="options"}
 */
@CheckReturnValue
public final class LoadOptions {
  private static final LoadOptions DEFAULTS = new LoadOptions();

  private @Nullable Device device;
  private int threads;
  private @Nullable String variant;
  private Precision precision = Precision.FLOAT32;
  private WeightDtype weightDtype = WeightDtype.FLOAT32;
  private @Nullable Path tokenizer;
  private @Nullable Path config;

  private LoadOptions() {}

  private LoadOptions(LoadOptions other) {
    device = other.device;
    threads = other.threads;
    variant = other.variant;
    precision = other.precision;
    weightDtype = other.weightDtype;
    tokenizer = other.tokenizer;
    config = other.config;
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

  /** {@return the variant of the weight files; empty for the plain files or the only variant} */
  public Optional<String> variant() {
    return Optional.ofNullable(variant);
  }

  /** {@return the precision of products} */
  public Precision precision() {
    return precision;
  }

  /** {@return the format in which weights are kept} */
  public WeightDtype weightDtype() {
    return weightDtype;
  }

  /** {@return the folder of the tokenizer's files; empty for the model's own} */
  public Optional<Path> tokenizer() {
    return Optional.ofNullable(tokenizer);
  }

  /** {@return the folder of everything but the weights, for a checkpoint in a single file} */
  public Optional<Path> config() {
    return Optional.ofNullable(config);
  }

  /**
   * Chooses the device.
   *
   * @param device such as {@code Device.cpu()} or {@code Device.gpu(1)}
   * @return a changed copy
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
   * @return a changed copy
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
   * Chooses the variant of the weight files.
   *
   * @param variant such as {@code "fp16"}
   * @return a changed copy
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
   * Chooses the precision of products. {@link Precision#BF16_MATMUL} draws faster on processors
   * with instructions for it, and differently in details: results no longer equal the Python
   * original's to the digits.
   *
   * @param precision of the products of UNet and autoencoder; the text encoder's stay float32
   * @return a changed copy
   */
  public LoadOptions precision(Precision precision) {
    LoadOptions copy = new LoadOptions(this);
    copy.precision = Objects.requireNonNull(precision, "precision");
    return copy;
  }

  /**
   * Chooses the format in which weights are kept. {@link WeightDtype#AS_STORED} halves the memory
   * of a model that is published in half precision, without a change of its results.
   *
   * @param dtype of the weights of all networks
   * @return a changed copy
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
   * @return a changed copy
   */
  public LoadOptions tokenizer(Path folder) {
    LoadOptions copy = new LoadOptions(this);
    copy.tokenizer = Objects.requireNonNull(folder, "folder");
    return copy;
  }

  /**
   * Says where the configuration of a checkpoint in a single file is.
   *
   * @param folder in diffusers' layout; its weights, if it has any, are not read
   * @return a changed copy
   */
  public LoadOptions config(Path folder) {
    LoadOptions copy = new LoadOptions(this);
    copy.config = Objects.requireNonNull(folder, "folder");
    return copy;
  }

  @Override
  public String toString() {
    return "device %s, threads %d, variant %s, %s, weights %s, tokenizer %s, config %s"
        .formatted(device, threads, variant, precision, weightDtype, tokenizer, config);
  }
}
