package dev.ablation.djl;

import ai.djl.ndarray.NDManager;
import dev.ablation.djl.FlowComponents.ClipText;
import dev.ablation.djl.clip.ClipTextEncoder;
import dev.ablation.djl.clip.ClipTextModel;
import dev.ablation.djl.internal.checkpoint.NetworkNames;
import dev.ablation.djl.internal.checkpoint.SchedulerConfig;
import dev.ablation.djl.internal.pipeline.Component;
import dev.ablation.djl.internal.pipeline.Components;
import dev.ablation.djl.internal.pipeline.Network;
import dev.ablation.djl.internal.pipeline.Opening;
import dev.ablation.djl.internal.pipeline.PipelineClass;
import dev.ablation.djl.nn.NamedWeights;
import dev.ablation.djl.sd3.SD3TextEncoders;
import dev.ablation.djl.sd3.SD3Transformer2DModel;
import dev.ablation.djl.sd3.SD3TransformerConfig;
import dev.ablation.djl.t5.T5Config;
import dev.ablation.djl.t5.T5EncoderModel;
import dev.ablation.djl.t5.T5TextEncoder;
import dev.ablation.djl.vae.AutoencoderKL;
import dev.ablation.djl.vae.VaeConfig;
import dev.ablation.model.ModelDescriptor;
import dev.ablation.model.WeightRole;
import dev.ablation.sample.Guidance;
import dev.ablation.sample.SamplingSettings;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Stable Diffusion 3 and 3.5: a transformer, an autoencoder, two CLIP text encoders with projection
 * and T5, which may be absent.
 */
final class StableDiffusion3Pipeline implements PipelineClass<StableDiffusion3> {
  /** {@code max_sequence_length} of the published pipeline. */
  private static final int T5_LENGTH = 256;

  private static final Component<Network<SD3TransformerConfig, SD3Transformer2DModel>> TRANSFORMER =
      Network.component(
          "transformer",
          "SD3Transformer2DModel",
          NetworkNames.TRANSFORMER,
          SD3TransformerConfig::of,
          SD3Transformer2DModel::new);

  private static final Component<Network<ClipText, ClipTextModel>> TEXT_ENCODER =
      FlowComponents.clip("text_encoder", true);
  private static final Component<Network<ClipText, ClipTextModel>> TEXT_ENCODER_2 =
      FlowComponents.clip("text_encoder_2", true);
  private static final Component<Network<T5Config, T5EncoderModel>> TEXT_ENCODER_3 =
      FlowComponents.t5("text_encoder_3").asOptional();
  private static final Component<Path> TOKENIZER =
      FlowComponents.tokenizer("tokenizer", "CLIPTokenizer");
  private static final Component<Path> TOKENIZER_2 =
      FlowComponents.tokenizer("tokenizer_2", "CLIPTokenizer");
  private static final Component<Path> TOKENIZER_3 =
      FlowComponents.tokenizer("tokenizer_3", "T5Tokenizer").asOptional();

  @Override
  public Set<String> names() {
    return Set.of("StableDiffusion3Pipeline", "StableDiffusion3Img2ImgPipeline");
  }

  @Override
  public List<Component<?>> components() {
    return List.of(
        FlowComponents.SCHEDULER,
        TRANSFORMER,
        FlowComponents.VAE,
        TEXT_ENCODER,
        TEXT_ENCODER_2,
        TEXT_ENCODER_3,
        TOKENIZER,
        TOKENIZER_2,
        TOKENIZER_3);
  }

  @Override
  public List<String> mismatches(Components components) {
    SD3TransformerConfig transformer = components.get(TRANSFORMER).config();
    VaeConfig vae = components.get(FlowComponents.VAE).config();
    ClipText first = components.get(TEXT_ENCODER).config();
    ClipText second = components.get(TEXT_ENCODER_2).config();
    Optional<Network<T5Config, T5EncoderModel>> third = components.find(TEXT_ENCODER_3);
    List<String> found = new ArrayList<>();
    int clip = first.text().hiddenSize() + second.text().hiddenSize();
    if (clip > transformer.jointAttentionDim()) {
      found.add(
          "joint_attention_dim of the transformer (%d) must be at least hidden_size of both CLIP text encoders together (%d)"
              .formatted(transformer.jointAttentionDim(), clip));
    }
    third
        .map(network -> network.config().width())
        .filter(width -> width != transformer.jointAttentionDim())
        .ifPresent(width ->
            found.add(
                "joint_attention_dim of the transformer (%d) must be d_model of text_encoder_3 (%d)"
                    .formatted(transformer.jointAttentionDim(), width)));
    int pooled = first.projection() + second.projection();
    if (pooled != transformer.pooledProjectionDim()) {
      found.add(
          "pooled_projection_dim of the transformer (%d) must be projection_dim of both CLIP text encoders together (%d)"
              .formatted(transformer.pooledProjectionDim(), pooled));
    }
    if (transformer.inChannels() != vae.latentChannels()
        || transformer.outChannels() != vae.latentChannels()) {
      found.add(
          "in_channels (%d) and out_channels (%d) of the transformer must be latent_channels of the vae (%d)"
              .formatted(
                  transformer.inChannels(), transformer.outChannels(), vae.latentChannels()));
    }
    if (third.isPresent() && components.find(TOKENIZER_3).isEmpty()) {
      found.add("tokenizer_3 must be there, since text_encoder_3 is");
    }
    return found;
  }

  @Override
  public StableDiffusion3 open(Components components, Opening opening) throws IOException {
    FlowComponents.checkOptions(opening);
    Network<SD3TransformerConfig, SD3Transformer2DModel> transformer = components.get(TRANSFORMER);
    Network<VaeConfig, AutoencoderKL> vae = components.get(FlowComponents.VAE);
    ClipTextEncoder first =
        FlowComponents.open(components.get(TEXT_ENCODER), TOKENIZER, components, opening);
    ClipTextEncoder second =
        FlowComponents.open(components.get(TEXT_ENCODER_2), TOKENIZER_2, components, opening);
    T5TextEncoder third = t5(components, opening);
    NDManager manager = opening.fill();
    Computation.of(opening.options()).set(transformer.layer(), vae.layer(), manager.getDevice());
    NamedWeights weights =
        new NamedWeights()
            .add("transformer", transformer.layer(), WeightRole.DENOISER)
            .add("text_encoder", first.model(), WeightRole.TEXT_ENCODER)
            .add("text_encoder_2", second.model(), WeightRole.TEXT_ENCODER);
    FlowTokenizers tokenizers =
        new FlowTokenizers().add("text_encoder", first).add("text_encoder_2", second);
    if (third != null) {
      weights.add("text_encoder_3", third.model(), WeightRole.TEXT_ENCODER);
      tokenizers.add("text_encoder_3", third);
    }
    SchedulerConfig scheduler = components.get(FlowComponents.SCHEDULER);
    int length = opening.options().maxSequenceLength();
    return new StableDiffusion3(
        new FlowModel.Parts(
            new ModelDescriptor(
                    opening.modelName(),
                    transformer.config().inChannels(),
                    transformer.config().sampleSize(),
                    transformer.config().sampleSize(),
                    manager.getDevice())
                .precision(opening.options().precision().dtype()),
            manager,
            scheduler,
            vae.layer(),
            weights,
            tokenizers,
            new SamplingSettings(scheduler.sampler(), 28, Guidance.classifierFree(7), "", 4),
            new FolderExport(opening.keptFiles(), components.networks()),
            opening.options().precision()),
        new SD3TextEncoders(first, second, third, transformer.config().jointAttentionDim()),
        transformer.layer(),
        length > 0 ? length : T5_LENGTH);
  }

  private static @Nullable T5TextEncoder t5(Components components, Opening opening)
      throws IOException {
    Network<T5Config, T5EncoderModel> network = components.find(TEXT_ENCODER_3).orElse(null);
    return network == null
        ? null
        : FlowComponents.openT5(network, components.get(TOKENIZER_3), T5_LENGTH, opening);
  }
}
