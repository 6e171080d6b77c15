package dev.ablation.djl;

import ai.djl.ndarray.NDManager;
import dev.ablation.djl.clip.ClipTextConfig;
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
import java.util.Set;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Stable Diffusion 1.x and 2.x: a UNet, an autoencoder, one text encoder and its tokenizer. */
final class StableDiffusionPipeline implements PipelineClass<StableDiffusion> {
  private static final Logger LOG = LoggerFactory.getLogger(StableDiffusionPipeline.class);

  private static final Pattern BEFORE_0_9 = Pattern.compile("0\\.[0-8](\\D.*)?");
  private static final int REPAIRED_SIZE = 64;

  private static final Component<SchedulerConfig> SCHEDULER =
      new Component<>(
          "scheduler",
          Set.of(),
          (source, className) ->
              SchedulerConfig.ofStableDiffusion(
                  className,
                  JsonConfig.read(source.folder("scheduler").resolve("scheduler_config.json"))));

  private static final Component<Network<UNetConfig, UNet2DConditionModel>> UNET =
      Network.component(
          "unet",
          "UNet2DConditionModel",
          NetworkNames.UNET,
          StableDiffusionPipeline::unetConfig,
          UNet2DConditionModel::new);

  private static final Component<Network<VaeConfig, AutoencoderKL>> VAE =
      Network.component(
          "vae",
          "AutoencoderKL",
          NetworkNames.VAE,
          StableDiffusionPipeline::vaeConfig,
          AutoencoderKL::new);

  static final Component<Network<ClipTextConfig, ClipTextModel>> TEXT_ENCODER =
      Network.component(
          "text_encoder",
          "CLIPTextModel",
          NetworkNames.CLIP_TEXT,
          ClipTextConfig::of,
          ClipTextModel::new);

  static final Component<Path> TOKENIZER = tokenizer("tokenizer");

  /** Describes a tokenizer of CLIP. */
  static Component<Path> tokenizer(String name) {
    return new Component<>(
        name,
        Set.of("CLIPTokenizer", "CLIPTokenizerFast"),
        (source, className) -> source.folder(name));
  }

  /** The pipeline has nothing that could be added to the time embedding. */
  private static UNetConfig unetConfig(JsonConfig json) throws InvalidCheckpointException {
    if (json.has("addition_embed_type")) {
      throw json.invalid(
          "addition_embed_type", "absent or null: this pipeline does not support the option");
    }
    return UNetConfig.of(withRepairedSize(json));
  }

  /**
   * The published pipeline takes sizes below 64 of versions before 0.9.0 for the mistake of a
   * converter.
   */
  static JsonConfig withRepairedSize(JsonConfig json) throws InvalidCheckpointException {
    String version = json.stringOr("_diffusers_version", "");
    if (!BEFORE_0_9.matcher(version).matches()
        || !json.has("sample_size")
        || json.requireInt("sample_size") >= REPAIRED_SIZE) {
      return json;
    }
    LOG.warn(
        "{}: sample_size {} of diffusers {} is raised to {}, as the published pipeline does",
        json.path(),
        json.requireInt("sample_size"),
        version,
        REPAIRED_SIZE);
    return json.with("sample_size", REPAIRED_SIZE);
  }

  /** The published pipeline does not look at statistics of the latents. */
  private static VaeConfig vaeConfig(JsonConfig json) throws InvalidCheckpointException {
    for (String key : List.of("latents_mean", "latents_std")) {
      if (json.has(key)) {
        throw json.invalid(key, "absent or null: this pipeline does not support the option");
      }
    }
    return VaeConfig.of(json);
  }

  @Override
  public Set<String> names() {
    return Set.of(
        "StableDiffusionPipeline",
        "StableDiffusionImg2ImgPipeline",
        "StableDiffusionInpaintPipeline");
  }

  @Override
  public List<Component<?>> components() {
    return List.of(SCHEDULER, UNET, VAE, TEXT_ENCODER, TOKENIZER);
  }

  @Override
  public boolean takesAddedTokens() {
    return true;
  }

  @Override
  public List<String> mismatches(Components components) {
    UNetConfig unet = components.get(UNET).config();
    VaeConfig vae = components.get(VAE).config();
    ClipTextConfig text = components.get(TEXT_ENCODER).config();
    List<String> found = new ArrayList<>();
    if (unet.crossAttentionDim() != text.hiddenSize()) {
      found.add(
          "cross_attention_dim of the unet (%d) must be hidden_size of the text encoder (%d)"
              .formatted(unet.crossAttentionDim(), text.hiddenSize()));
    }
    checkChannels(unet, vae, found);
    return found;
  }

  static void checkChannels(UNetConfig unet, VaeConfig vae, List<String> found) {
    int latents = vae.latentChannels();
    boolean takesLatents =
        unet.inChannels() == latents || MaskedImages.fits(unet.inChannels(), latents);
    if (!takesLatents || unet.outChannels() != latents) {
      found.add(
          ("in_channels (%d) and out_channels (%d) of the unet must be latent_channels of the vae"
                  + " (%d), or in_channels of an inpainting model twice as many and 1")
              .formatted(unet.inChannels(), unet.outChannels(), latents));
    }
  }

  @Override
  public StableDiffusion open(Components components, Opening opening) throws IOException {
    Network<UNetConfig, UNet2DConditionModel> unet = components.get(UNET);
    Network<VaeConfig, AutoencoderKL> vae = components.get(VAE);
    Network<ClipTextConfig, ClipTextModel> text = components.get(TEXT_ENCODER);
    Path files = opening.options().tokenizer().orElse(components.get(TOKENIZER));
    ClipTokenizer tokenizer =
        AddedTokens.open(opening, files, TOKENIZER.name(), text, text.config(), new int[] {0, 1});
    NDManager manager = opening.fill();
    Computation.of(opening.options()).set(unet.layer(), vae.layer(), manager.getDevice());
    return new StableDiffusion(
        new UNetDiffusion.Parts(
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
                .add("text_encoder", text.layer(), WeightRole.TEXT_ENCODER),
            new FolderExport(opening.keptFiles(), components.networks())),
        tokenizer,
        text.layer());
  }
}
