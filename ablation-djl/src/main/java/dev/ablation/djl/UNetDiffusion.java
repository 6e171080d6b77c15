package dev.ablation.djl;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.internal.checkpoint.SchedulerConfig;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.nn.NamedWeights;
import dev.ablation.djl.train.DjlTraining;
import dev.ablation.djl.train.InputGradients;
import dev.ablation.djl.unet.UNet2DConditionModel;
import dev.ablation.djl.vae.AutoencoderKL;
import dev.ablation.model.CheckpointExport;
import dev.ablation.model.Conditioning;
import dev.ablation.model.Differentiable;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.InpaintingCondition;
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
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.schedule.PredictionType;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What the versions of Stable Diffusion have in common: a UNet on the latents of an autoencoder.
 */
abstract class UNetDiffusion implements DiffusionModel {
  private final Parts parts;
  private final Map<Class<?>, Object> capabilities = new HashMap<>();
  private final @Nullable MaskedImages maskedImages;

  /**
   * What such a model is made of.
   *
   * @param descriptor name and shapes
   * @param manager owner of the weights, closed with the model
   * @param scheduler of the checkpoint
   * @param unet the denoising network
   * @param vae the autoencoder
   * @param weights of UNet and text encoders
   * @param export writes the model
   */
  record Parts(
      ModelDescriptor descriptor,
      NDManager manager,
      SchedulerConfig scheduler,
      UNet2DConditionModel unet,
      AutoencoderKL vae,
      NamedWeights weights,
      FolderExport export) {}

  UNetDiffusion(Parts parts, PromptTokenizer tokenizer) {
    this.parts = parts;
    parts.weights.use().name(parts.descriptor.name());
    DjlTraining training =
        new DjlTraining(
            parts.manager, parts.weights, parts.unet.precision(), parts.unet::stopStartToken);
    LatentCodec codec = new VaeCodec(parts.vae, parts.weights.use());
    capabilities.put(LatentCodec.class, codec);
    capabilities.put(Differentiable.class, training);
    capabilities.put(LoraTraining.class, training);
    capabilities.put(PromptTokenizer.class, new OpenTokenizer(tokenizer, parts.weights.use()));
    capabilities.put(CheckpointExport.class, parts.export);
    capabilities.put(SingleFileExport.class, parts.export.singleFile());
    capabilities.put(InputDifferentiable.class, new InputGradients());
    maskedImages =
        MaskedImages.fits(parts.unet.config().inChannels(), parts.descriptor.latentChannels())
            ? new MaskedImages(codec, parts.manager)
            : null;
    if (maskedImages != null) {
      capabilities.put(InpaintingCondition.class, maskedImages);
    }
    capabilities.put(ModelViews.class, ModelView.of(this, parts.weights));
  }

  /** Adds a capability. */
  final <T> void offer(Class<T> type, T capability) {
    capabilities.put(type, capability);
  }

  @Override
  public ModelDescriptor descriptor() {
    return parts.descriptor;
  }

  @Override
  public NDManager manager() {
    return parts.manager;
  }

  @Override
  public NoiseSchedule schedule() {
    return parts.scheduler.schedule();
  }

  @Override
  public PredictionType predictionType() {
    return parts.scheduler.predictionType();
  }

  /** {@return the sampler that the checkpoint's publisher chose} */
  public Sampler sampler() {
    return parts.scheduler.sampler();
  }

  /** {@return the denoising network as a DJL block} */
  public UNet2DConditionModel unet() {
    return parts.unet;
  }

  /** {@return the autoencoder as a DJL block} */
  public AutoencoderKL vae() {
    return parts.vae;
  }

  /** Adds the conditions without an image, if the UNet takes any. */
  final Conditioning withoutImage(Conditioning made, LatentSize size, NDManager scope) {
    MaskedImages images = maskedImages;
    return images == null
        ? made
        : during(() -> made.with(images.ofNone(made.batchSize(), size, scope)));
  }

  /** The names of the conditions of a UNet that takes some without an image. */
  final Set<String> conditions(Set<String> withoutImage) {
    return maskedImages == null
        ? withoutImage
        : Stream.concat(withoutImage.stream(), MaskedImages.NAMES.stream())
            .collect(Collectors.toUnmodifiableSet());
  }

  /** The UNet's input; the latents themselves if it takes nothing else. */
  final NDArray input(NDArray latents, Conditioning conditioning) {
    return maskedImages == null ? latents : MaskedImages.join(latents, conditioning);
  }

  /** Checks what every UNet takes. */
  final void checkShapes(NDArray latents, NDArray timesteps, Conditioning conditioning) {
    Shape shape = latents.getShape();
    int channels = parts.descriptor.latentChannels();
    if (shape.dimension() != 4 || shape.get(1) != channels) {
      throw new IllegalArgumentException(
          "latents: expected (B, %d, H, W), was %s".formatted(channels, shape));
    }
    if (!timesteps.getShape().equals(new Shape(shape.get(0)))) {
      throw new IllegalArgumentException(
          "timesteps: expected (%d), was %s".formatted(shape.get(0), timesteps.getShape()));
    }
    Shape states = conditioning.textEmbeddings().getShape();
    int width = parts.unet.config().crossAttentionDim();
    if (states.get(0) != shape.get(0) || states.get(2) != width) {
      throw new IllegalArgumentException(
          "conditioning: expected text embeddings (%d, T, %d), was %s"
              .formatted(shape.get(0), width, states));
    }
  }

  @Override
  public NDManager newScope() {
    return parts.weights.use().scope(parts.manager);
  }

  /** Calls the model, which refuses use after closing and while another thread binds weights. */
  final <T> T during(Supplier<T> body) {
    return parts.weights.use().during(() -> GradMode.asRequested(body));
  }

  @Override
  public Weights weights() {
    return parts.weights;
  }

  @Override
  public <T> Optional<T> capability(Class<T> type) {
    return Optional.ofNullable(capabilities.get(type)).map(type::cast);
  }

  @Override
  public boolean isClosed() {
    return parts.weights.use().isClosed();
  }

  @Override
  public void close() {
    if (parts.weights.use().close()) {
      closeTokenizers();
      parts.manager.close();
    }
  }

  abstract void closeTokenizers();
}
