package dev.ablation.djl;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.internal.checkpoint.SchedulerConfig;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.nn.NamedWeights;
import dev.ablation.djl.nn.Precision;
import dev.ablation.djl.train.DjlTraining;
import dev.ablation.djl.train.InputGradients;
import dev.ablation.djl.vae.AutoencoderKL;
import dev.ablation.model.CheckpointExport;
import dev.ablation.model.Conditioning;
import dev.ablation.model.Differentiable;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.InputDifferentiable;
import dev.ablation.model.LatentCodec;
import dev.ablation.model.LatentSize;
import dev.ablation.model.LoraTraining;
import dev.ablation.model.ModelDescriptor;
import dev.ablation.model.ModelViews;
import dev.ablation.model.PromptTokenizer;
import dev.ablation.model.SingleFileExport;
import dev.ablation.model.Weights;
import dev.ablation.sample.Sampler;
import dev.ablation.sample.SamplingDefaults;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.schedule.PredictionType;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * What the models that are trained by flow matching have in common: everything but the network and
 * the way that its conditions are made.
 */
abstract sealed class FlowModel implements DiffusionModel permits Flux, StableDiffusion3 {
  /** Side of the square of latent pixels that becomes a token. */
  private static final int PATCH = 2;

  private final Parts parts;
  private final Map<Class<?>, Object> capabilities;

  FlowModel(Parts parts) {
    this.parts = parts;
    parts.weights.use().name(parts.descriptor.name());
    // Joint attention has no position of text at which gradients would stop.
    DjlTraining training =
        new DjlTraining(parts.manager, parts.weights, parts.precision, stop -> {});
    SamplingDefaults defaults = () -> parts.defaults;
    capabilities =
        Map.of(
            LatentCodec.class,
            new VaeCodec(parts.vae, parts.weights.use()),
            Differentiable.class,
            training,
            LoraTraining.class,
            training,
            PromptTokenizer.class,
            parts.tokenizers,
            CheckpointExport.class,
            parts.export,
            SingleFileExport.class,
            parts.export.singleFile(),
            InputDifferentiable.class,
            new InputGradients(),
            SamplingDefaults.class,
            defaults,
            ModelViews.class,
            ModelView.of(this, parts.weights));
  }

  /**
   * What such a model consists of.
   *
   * @param descriptor name and shapes
   * @param manager owner of the weights
   * @param scheduler schedule and sampler
   * @param vae the autoencoder
   * @param weights of all networks that an ablation may change
   * @param tokenizers one for each text encoder
   * @param defaults the publisher's settings
   * @param export writes the model
   * @param precision of the denoising network
   */
  record Parts(
      ModelDescriptor descriptor,
      NDManager manager,
      SchedulerConfig scheduler,
      AutoencoderKL vae,
      NamedWeights weights,
      FlowTokenizers tokenizers,
      SamplingSettings defaults,
      FolderExport export,
      Precision precision) {}

  @Override
  public final ModelDescriptor descriptor() {
    return parts.descriptor;
  }

  @Override
  public final NDManager manager() {
    return parts.manager;
  }

  @Override
  public final NoiseSchedule schedule() {
    return parts.scheduler.schedule();
  }

  @Override
  public final PredictionType predictionType() {
    return parts.scheduler.predictionType();
  }

  /** {@return the sampler that the checkpoint's publisher chose} */
  public final Sampler sampler() {
    return parts.defaults.sampler();
  }

  /** {@return the autoencoder as a DJL block} */
  public final AutoencoderKL vae() {
    return parts.vae;
  }

  /**
   * Tells which text encoder does not see all of a prompt.
   *
   * @param prompt any text
   * @return the end that it does not see, as it was written, by the encoder's name; empty if all
   *     see all
   */
  public final Map<String, String> cut(String prompt) {
    return parts.weights.use().whileOpen(() -> parts.tokenizers.cut(prompt));
  }

  @Override
  public final Weights weights() {
    return parts.weights;
  }

  @Override
  public final Conditioning encode(List<String> prompts, LatentSize size, NDManager scope) {
    if (prompts.isEmpty()) {
      throw new IllegalArgumentException("prompts must not be empty");
    }
    checkSize(size.height(), size.width());
    return encodeAll(prompts, scope);
  }

  abstract Conditioning encodeAll(List<String> prompts, NDManager scope);

  /** An image of another size would fail in the network only. */
  private void checkSize(long height, long width) {
    if (height % PATCH != 0 || width % PATCH != 0) {
      int pixels = PATCH * parts.vae.config().downscaling();
      throw new IllegalArgumentException(
          "latents: height and width must be multiples of %d (of the image: of %d), were %d x %d"
              .formatted(PATCH, pixels, height, width));
    }
  }

  /** Checks what {@link #predict} is given. */
  final void checkInputs(
      NDArray latents, NDArray timesteps, Conditioning conditioning, int textWidth, int pooled) {
    Shape shape = latents.getShape();
    int channels = parts.descriptor.latentChannels();
    if (shape.dimension() != 4 || shape.get(1) != channels) {
      throw new IllegalArgumentException(
          "latents: expected (B, %d, H, W), was %s".formatted(channels, shape));
    }
    checkSize(shape.get(2), shape.get(3));
    long batch = shape.get(0);
    if (!timesteps.getShape().equals(new Shape(batch))) {
      throw new IllegalArgumentException(
          "timesteps: expected (%d), was %s".formatted(batch, timesteps.getShape()));
    }
    Shape text = conditioning.textEmbeddings().getShape();
    if (text.get(0) != batch || text.get(2) != textWidth) {
      throw new IllegalArgumentException(
          "conditioning: expected text embeddings (%d, T, %d), was %s"
              .formatted(batch, textWidth, text));
    }
    Shape vector = conditioning.get(Conditioning.POOLED).getShape();
    if (!vector.equals(new Shape(batch, pooled))) {
      throw new IllegalArgumentException(
          "conditioning: expected a pooled text embedding (%d, %d), was %s"
              .formatted(batch, pooled, vector));
    }
  }

  @Override
  public final NDManager newScope() {
    return parts.weights.use().scope(parts.manager);
  }

  /** Calls the model, which refuses use after closing and while another thread binds weights. */
  final <T> T during(Supplier<T> body) {
    return parts.weights.use().during(() -> GradMode.asRequested(body));
  }

  @Override
  public final <T> Optional<T> capability(Class<T> type) {
    return Optional.ofNullable(capabilities.get(type)).map(type::cast);
  }

  @Override
  public final boolean isClosed() {
    return parts.weights.use().isClosed();
  }

  @Override
  public final void close() {
    if (parts.weights.use().close()) {
      parts.tokenizers.close();
      parts.manager.close();
    }
  }
}
