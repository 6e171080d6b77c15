package dev.ablation.djl;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.clip.ClipTextModel;
import dev.ablation.djl.clip.ClipTokenizer;
import dev.ablation.djl.internal.checkpoint.SchedulerConfig;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.internal.pipeline.PipelineLoader;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.djl.nn.NamedWeights;
import dev.ablation.djl.train.DjlTraining;
import dev.ablation.djl.train.InputGradients;
import dev.ablation.djl.unet.UNet2DConditionModel;
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
import dev.ablation.model.PromptTokenizer;
import dev.ablation.model.Weights;
import dev.ablation.sample.Sampler;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.schedule.PredictionType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Stable Diffusion 1.x and 2.x, opened from a checkpoint folder in diffusers' layout.
 *
 * {@snippet class="dev.ablation.djl.Snippets" region="load"}
 *
 * <p>Weights are kept in float32, or as {@link LoadOptions#weightDtype} says, on the model's
 * device; on the CPU, files of the same format are mapped into memory and not copied. Arrays that a
 * call makes belong to the manager named there.
 *
 * <p>Several threads may encode and predict at once while no weight is bound. A thread that applies
 * a delta or trains has the model alone; use by others is refused with an {@link
 * IllegalStateException} that names both threads, and so is closing.
 */
public final class StableDiffusion implements DiffusionModel {
  private final ModelDescriptor descriptor;
  private final NDManager manager;
  private final SchedulerConfig scheduler;
  private final ClipTokenizer tokenizer;
  private final ClipTextModel textEncoder;
  private final UNet2DConditionModel unet;
  private final NamedWeights weights;
  private final Map<Class<?>, Object> capabilities;

  StableDiffusion(
      ModelDescriptor descriptor,
      NDManager manager,
      SchedulerConfig scheduler,
      ClipTokenizer tokenizer,
      ClipTextModel textEncoder,
      UNet2DConditionModel unet,
      AutoencoderKL vae,
      NamedWeights weights,
      CheckpointExport export) {
    this.descriptor = descriptor;
    this.manager = manager;
    this.scheduler = scheduler;
    this.tokenizer = tokenizer;
    this.textEncoder = textEncoder;
    this.unet = unet;
    this.weights = weights;
    weights.use().name(descriptor.name());
    DjlTraining training = new DjlTraining(manager, weights, unet::stopStartToken);
    capabilities =
        Map.of(
            LatentCodec.class,
            new VaeCodec(vae, weights.use()),
            Differentiable.class,
            training,
            LoraTraining.class,
            training,
            PromptTokenizer.class,
            tokenizer,
            CheckpointExport.class,
            export,
            InputDifferentiable.class,
            new InputGradients());
  }

  /**
   * Opens a checkpoint folder on the best device.
   *
   * @param folder with {@code model_index.json} and the folders that it names
   * @return the model, closed by the caller
   * @throws IOException if a file is missing, malformed or of a kind that is not supported; the
   *     message names it and says what is expected
   */
  public static StableDiffusion load(Path folder) throws IOException {
    return load(folder, LoadOptions.defaults());
  }

  /**
   * Opens a checkpoint: a folder in diffusers' layout, or a single file in the layout of the
   * original code.
   *
   * @param checkpoint a folder with {@code model_index.json} and the folders that it names, or a
   *     {@code .safetensors} file with all networks, whose configuration {@link
   *     LoadOptions#config(Path)} names
   * @param options device, threads, variant, format of the weights
   * @return the model, closed by the caller
   * @throws IOException if a file is missing, malformed or of a kind that is not supported; the
   *     message names it and says what is expected
   */
  public static StableDiffusion load(Path checkpoint, LoadOptions options) throws IOException {
    return PipelineLoader.load(checkpoint, options, List.of(new StableDiffusionPipeline()));
  }

  @Override
  public ModelDescriptor descriptor() {
    return descriptor;
  }

  @Override
  public NDManager manager() {
    return manager;
  }

  @Override
  public NoiseSchedule schedule() {
    return scheduler.schedule();
  }

  @Override
  public PredictionType predictionType() {
    return scheduler.predictionType();
  }

  /** {@return the sampler that the checkpoint's publisher chose} */
  public Sampler sampler() {
    return scheduler.sampler();
  }

  /** {@return the tokenizer} */
  public ClipTokenizer tokenizer() {
    return tokenizer;
  }

  /** {@return the text encoder as a DJL block} */
  public ClipTextModel textEncoder() {
    return textEncoder;
  }

  /** {@return the denoising network as a DJL block} */
  public UNet2DConditionModel unet() {
    return unet;
  }

  /** {@return the autoencoder as a DJL block} */
  public AutoencoderKL vae() {
    return ((VaeCodec) capability(LatentCodec.class).orElseThrow()).vae();
  }

  @Override
  public Conditioning encode(List<String> prompts, LatentSize size, NDManager scope) {
    if (prompts.isEmpty()) {
      throw new IllegalArgumentException("prompts must not be empty");
    }
    return weights.use().during(() -> encoded(prompts, scope));
  }

  private Conditioning encoded(List<String> prompts, NDManager scope) {
    try (NDArray input = tokenizer.encode(prompts, scope)) {
      return GradMode.asRequested(() -> {
        NDList states = textEncoder.applyAll(new NDList(input));
        states.subNDList(1).close();
        return new Conditioning(states.get(0)).attach(scope);
      });
    }
  }

  @Override
  public NDArray predict(NDArray latents, NDArray timesteps, Conditioning conditioning) {
    conditioning.checkNames(Set.of(Conditioning.TEXT), Set.of());
    checkShapes(latents, timesteps, conditioning.textEmbeddings());
    return weights
        .use()
        .during(() ->
            GradMode.asRequested(
                () -> unet.apply(latents, timesteps, conditioning.textEmbeddings())));
  }

  private void checkShapes(NDArray latents, NDArray timesteps, NDArray textEmbeddings) {
    Shape shape = latents.getShape();
    int channels = unet.config().inChannels();
    if (shape.dimension() != 4 || shape.get(1) != channels) {
      throw new IllegalArgumentException(
          "latents: expected (B, %d, H, W), was %s".formatted(channels, shape));
    }
    if (!timesteps.getShape().equals(new Shape(shape.get(0)))) {
      throw new IllegalArgumentException(
          "timesteps: expected (%d), was %s".formatted(shape.get(0), timesteps.getShape()));
    }
    Shape states = textEmbeddings.getShape();
    if (states.get(0) != shape.get(0) || states.get(2) != unet.config().crossAttentionDim()) {
      throw new IllegalArgumentException(
          "conditioning: expected text embeddings (%d, T, %d), was %s"
              .formatted(shape.get(0), unet.config().crossAttentionDim(), states));
    }
  }

  @Override
  public Weights weights() {
    return weights;
  }

  @Override
  public <T> Optional<T> capability(Class<T> type) {
    return Optional.ofNullable(capabilities.get(type)).map(type::cast);
  }

  @Override
  public boolean isClosed() {
    return weights.use().isClosed();
  }

  @Override
  public void close() {
    if (weights.use().close()) {
      tokenizer.close();
      manager.close();
    }
  }
}
