package dev.ablation.djl;

import ai.djl.ndarray.NDManager;
import dev.ablation.djl.FlowComponents.ClipText;
import dev.ablation.djl.clip.ClipTextEncoder;
import dev.ablation.djl.clip.ClipTextModel;
import dev.ablation.djl.flux.FluxTextEncoders;
import dev.ablation.djl.flux.FluxTransformer2DModel;
import dev.ablation.djl.flux.FluxTransformerConfig;
import dev.ablation.djl.internal.checkpoint.NetworkNames;
import dev.ablation.djl.internal.checkpoint.SchedulerConfig;
import dev.ablation.djl.internal.pipeline.Component;
import dev.ablation.djl.internal.pipeline.Components;
import dev.ablation.djl.internal.pipeline.Network;
import dev.ablation.djl.internal.pipeline.Opening;
import dev.ablation.djl.internal.pipeline.PipelineClass;
import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.djl.nn.NamedWeights;
import dev.ablation.djl.t5.T5Config;
import dev.ablation.djl.t5.T5EncoderModel;
import dev.ablation.djl.t5.T5TextEncoder;
import dev.ablation.djl.vae.AutoencoderKL;
import dev.ablation.djl.vae.VaeConfig;
import dev.ablation.model.ModelDescriptor;
import dev.ablation.model.WeightRole;
import dev.ablation.sample.FlowMatchEuler;
import dev.ablation.sample.FlowSigmas;
import dev.ablation.sample.Guidance;
import dev.ablation.sample.SamplingSettings;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** FLUX.1 dev and schnell: a transformer, an autoencoder, CLIP and T5. */
final class FluxPipeline implements PipelineClass<Flux> {
  /** The publisher's guidance scale of dev. */
  private static final double GUIDANCE = 3.5;

  /** A token is a square of so many latent pixels. */
  private static final int SQUARE = 4;

  private static final Component<Network<FluxTransformerConfig, FluxTransformer2DModel>>
      TRANSFORMER =
          Network.component(
              "transformer",
              "FluxTransformer2DModel",
              NetworkNames.TRANSFORMER,
              FluxTransformerConfig::of,
              FluxTransformer2DModel::new);

  private static final Component<Network<ClipText, ClipTextModel>> TEXT_ENCODER =
      FlowComponents.clip("text_encoder", false);
  private static final Component<Network<T5Config, T5EncoderModel>> TEXT_ENCODER_2 =
      FlowComponents.t5("text_encoder_2");
  private static final Component<Path> TOKENIZER =
      FlowComponents.tokenizer("tokenizer", "CLIPTokenizer");
  private static final Component<Path> TOKENIZER_2 =
      FlowComponents.tokenizer("tokenizer_2", "T5Tokenizer");

  @Override
  public Set<String> names() {
    return Set.of("FluxPipeline", "FluxImg2ImgPipeline");
  }

  @Override
  public List<Component<?>> components() {
    return List.of(
        FlowComponents.SCHEDULER,
        TRANSFORMER,
        FlowComponents.VAE,
        TEXT_ENCODER,
        TEXT_ENCODER_2,
        TOKENIZER,
        TOKENIZER_2);
  }

  @Override
  public List<String> mismatches(Components components) {
    FluxTransformerConfig transformer = components.get(TRANSFORMER).config();
    VaeConfig vae = components.get(FlowComponents.VAE).config();
    int pooled = components.get(TEXT_ENCODER).config().text().hiddenSize();
    int text = components.get(TEXT_ENCODER_2).config().width();
    List<String> found = new ArrayList<>();
    if (transformer.jointAttentionDim() != text) {
      found.add(
          "joint_attention_dim of the transformer (%d) must be d_model of text_encoder_2 (%d)"
              .formatted(transformer.jointAttentionDim(), text));
    }
    if (transformer.pooledProjectionDim() != pooled) {
      found.add(
          "pooled_projection_dim of the transformer (%d) must be hidden_size of text_encoder (%d)"
              .formatted(transformer.pooledProjectionDim(), pooled));
    }
    int packed = SQUARE * vae.latentChannels();
    if (transformer.inChannels() != packed || transformer.outChannels() != packed) {
      found.add(
          "in_channels (%d) and out_channels (%d) of the transformer must be 4 times latent_channels of the vae (%d)"
              .formatted(
                  transformer.inChannels(), transformer.outChannels(), vae.latentChannels()));
    }
    return found;
  }

  @Override
  public Flux open(Components components, Opening opening) throws IOException {
    FlowComponents.checkOptions(opening);
    Network<FluxTransformerConfig, FluxTransformer2DModel> transformer =
        components.get(TRANSFORMER);
    boolean distilled = transformer.config().guidanceEmbeds();
    if (!distilled && opening.options().guidance().isPresent()) {
      throw new InvalidCheckpointException(
          opening.path(),
          "LoadOptions.guidance must be absent: the network, such as FLUX.1 schnell, was not"
              + " distilled with guidance");
    }
    Network<VaeConfig, AutoencoderKL> vae = components.get(FlowComponents.VAE);
    ClipTextEncoder first =
        FlowComponents.open(components.get(TEXT_ENCODER), TOKENIZER, components, opening);
    T5TextEncoder second =
        FlowComponents.openT5(
            components.get(TEXT_ENCODER_2),
            components.get(TOKENIZER_2),
            distilled ? 512 : 256,
            opening);
    NDManager manager = opening.fill();
    Computation.of(opening.options()).set(transformer.layer(), vae.layer(), manager.getDevice());
    int side = vae.config().sampleSize() / vae.config().downscaling();
    double guidance = opening.options().guidance().orElse(GUIDANCE);
    return new Flux(
        new FlowModel.Parts(
            new ModelDescriptor(
                    opening.modelName(),
                    vae.config().latentChannels(),
                    side,
                    side,
                    manager.getDevice())
                .precision(opening.options().precision().dtype()),
            manager,
            components.get(FlowComponents.SCHEDULER),
            vae.layer(),
            new NamedWeights()
                .add("transformer", transformer.layer(), WeightRole.DENOISER)
                .add("text_encoder", first.model(), WeightRole.TEXT_ENCODER)
                .add("text_encoder_2", second.model(), WeightRole.TEXT_ENCODER),
            new FlowTokenizers().add("text_encoder", first).add("text_encoder_2", second),
            defaults(components.get(FlowComponents.SCHEDULER), distilled, guidance),
            new FolderExport(opening.keptFiles(), components.networks()),
            opening.options().precision()),
        new FluxTextEncoders(first, second),
        transformer.layer(),
        guidance);
  }

  /** The published pipeline gives the sampler its own evenly spaced levels. */
  private static SamplingSettings defaults(
      SchedulerConfig scheduler, boolean distilled, double guidance) {
    FlowMatchEuler sampler = (FlowMatchEuler) scheduler.sampler();
    return new SamplingSettings(
        sampler.spacing() == FlowSigmas.TRAINED ? sampler.spacing(FlowSigmas.FRACTIONS) : sampler,
        distilled ? 28 : 4,
        distilled ? Guidance.embedded(guidance) : Guidance.none(),
        "",
        4);
  }
}
