package dev.ablation.djl;

import ai.djl.ndarray.NDManager;
import dev.ablation.djl.clip.ClipTextConfig;
import dev.ablation.djl.clip.ClipTextEncoder;
import dev.ablation.djl.clip.ClipTextModel;
import dev.ablation.djl.clip.ClipTokenizer;
import dev.ablation.djl.internal.checkpoint.NetworkNames;
import dev.ablation.djl.internal.checkpoint.SchedulerConfig;
import dev.ablation.djl.internal.pipeline.Component;
import dev.ablation.djl.internal.pipeline.Components;
import dev.ablation.djl.internal.pipeline.Network;
import dev.ablation.djl.internal.pipeline.Opening;
import dev.ablation.djl.internal.pipeline.PipelineClass;
import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.djl.load.JsonConfig;
import dev.ablation.djl.nn.NamedWeights;
import dev.ablation.djl.unet.UNet2DConditionModel;
import dev.ablation.djl.unet.UNetConfig;
import dev.ablation.djl.vae.AutoencoderKL;
import dev.ablation.djl.vae.VaeConfig;
import dev.ablation.model.ModelDescriptor;
import dev.ablation.model.WeightRole;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;

/** SDXL: a UNet with added conditions, an autoencoder, two text encoders and their tokenizers. */
final class StableDiffusionXLPipeline implements PipelineClass<StableDiffusionXL> {

  /** A text encoder and P, the width of its projection. */
  private record Projected(ClipTextConfig config, int size) {
    static Projected of(JsonConfig json) throws InvalidCheckpointException {
      return new Projected(ClipTextConfig.of(json), json.positiveIntOr("projection_dim", 512));
    }

    ClipTextModel model() {
      return new ClipTextModel(config, size);
    }
  }

  private static final Component<SchedulerConfig> SCHEDULER =
      new Component<>(
          "scheduler",
          Set.of(),
          (source, className) ->
              SchedulerConfig.read(
                  source.folder("scheduler").resolve("scheduler_config.json"), className));

  private static final Component<Network<UNetConfig, UNet2DConditionModel>> UNET =
      Network.component(
          "unet",
          "UNet2DConditionModel",
          NetworkNames.UNET,
          StableDiffusionXLPipeline::unetConfig,
          UNet2DConditionModel::new);

  private static final Component<Network<VaeConfig, AutoencoderKL>> VAE =
      Network.component(
          "vae", "AutoencoderKL", NetworkNames.VAE, VaeConfig::of, AutoencoderKL::new);

  private static final Component<Network<Projected, ClipTextModel>> TEXT_ENCODER_2 =
      Network.component(
          "text_encoder_2",
          "CLIPTextModelWithProjection",
          NetworkNames.CLIP_TEXT,
          Projected::of,
          Projected::model);

  private static final Component<Path> TOKENIZER_2 =
      StableDiffusionPipeline.tokenizer("tokenizer_2");

  private static UNetConfig unetConfig(JsonConfig json) throws InvalidCheckpointException {
    UNetConfig config = UNetConfig.of(json);
    if (!config.hasAddedConditions()) {
      throw json.invalid("addition_embed_type", "\"text_time\" in this pipeline");
    }
    return config;
  }

  @Override
  public Set<String> names() {
    return Set.of(
        "StableDiffusionXLPipeline",
        "StableDiffusionXLImg2ImgPipeline",
        "StableDiffusionXLInpaintPipeline");
  }

  /** The refiner is an image-to-image pipeline without the first text encoder. */
  @Override
  public void checkIndex(JsonConfig index) throws InvalidCheckpointException {
    boolean hasFirst =
        index.has("text_encoder")
            && !(index.value("text_encoder") instanceof List<?> pair
                && pair.stream().allMatch(Objects::isNull));
    if (!hasFirst || index.boolOr("requires_aesthetics_score", false)) {
      throw new InvalidCheckpointException(
          index.path(),
          "must be of SDXL's base model or one fine-tuned from it; was of the refiner, which"
              + " improves images and draws none: use the base model");
    }
  }

  @Override
  public List<Component<?>> components() {
    return List.of(
        SCHEDULER,
        UNET,
        VAE,
        StableDiffusionPipeline.TEXT_ENCODER,
        TEXT_ENCODER_2,
        StableDiffusionPipeline.TOKENIZER,
        TOKENIZER_2);
  }

  @Override
  public boolean takesAddedTokens() {
    return true;
  }

  @Override
  public List<String> mismatches(Components components) {
    UNetConfig unet = components.get(UNET).config();
    Projected second = components.get(TEXT_ENCODER_2).config();
    int width =
        components.get(StableDiffusionPipeline.TEXT_ENCODER).config().hiddenSize()
            + second.config().hiddenSize();
    List<String> found = new ArrayList<>();
    if (unet.crossAttentionDim() != width) {
      found.add(
          ("cross_attention_dim of the unet (%d) must be hidden_size of both text encoders"
                  + " together (%d)")
              .formatted(unet.crossAttentionDim(), width));
    }
    int added = second.size() + ImageSizes.NUMBERS * unet.additionTimeWidth();
    if (unet.additionWidth() != added) {
      found.add(
          ("projection_class_embeddings_input_dim of the unet (%d) must be projection_dim of the"
                  + " second text encoder and %d times addition_time_embed_dim (%d); with 5 times"
                  + " it is the refiner, which is not supported")
              .formatted(unet.additionWidth(), ImageSizes.NUMBERS, added));
    }
    StableDiffusionPipeline.checkChannels(unet, components.get(VAE).config(), found);
    return found;
  }

  @Override
  public StableDiffusionXL open(Components components, Opening opening) throws IOException {
    if (opening.options().tokenizer().isPresent()) {
      throw new IllegalArgumentException(
          "LoadOptions.tokenizer must be absent: this model has two tokenizers");
    }
    Network<ClipTextConfig, ClipTextModel> first =
        components.get(StableDiffusionPipeline.TEXT_ENCODER);
    Network<Projected, ClipTextModel> second = components.get(TEXT_ENCODER_2);
    ClipTokenizer tokenizer =
        AddedTokens.open(
            opening,
            components.get(StableDiffusionPipeline.TOKENIZER),
            StableDiffusionPipeline.TOKENIZER.name(),
            first,
            first.config(),
            new int[] {0, 2});
    ClipTokenizer tokenizer2 =
        AddedTokens.open(
            opening,
            components.get(TOKENIZER_2),
            TOKENIZER_2.name(),
            second,
            second.config().config(),
            new int[] {1, 2});
    boolean zeros = opening.index().boolOr("force_zeros_for_empty_prompt", true);
    NDManager manager = opening.fill();
    return new StableDiffusionXL(
        parts(components, opening, manager),
        new ClipTextEncoder(tokenizer, first.layer()),
        new ClipTextEncoder(tokenizer2, second.layer()),
        zeros);
  }

  private static UNetDiffusion.Parts parts(
      Components components, Opening opening, NDManager manager) {
    Network<UNetConfig, UNet2DConditionModel> unet = components.get(UNET);
    Network<VaeConfig, AutoencoderKL> vae = components.get(VAE);
    Computation.of(opening.options()).set(unet.layer(), vae.layer(), manager.getDevice());
    return new UNetDiffusion.Parts(
        new ModelDescriptor(
                opening.modelName(),
                vae.config().latentChannels(),
                unet.config().sampleSize(),
                unet.config().sampleSize(),
                manager.getDevice())
            .precision(opening.options().precision().dtype()),
        manager,
        components.get(SCHEDULER),
        unet.layer(),
        vae.layer(),
        new NamedWeights()
            .add("unet", unet.layer(), WeightRole.DENOISER)
            .add(
                "text_encoder",
                components.get(StableDiffusionPipeline.TEXT_ENCODER).layer(),
                WeightRole.TEXT_ENCODER)
            .add("text_encoder_2", components.get(TEXT_ENCODER_2).layer(), WeightRole.TEXT_ENCODER),
        new FolderExport(opening.keptFiles(), components.networks()));
  }
}
