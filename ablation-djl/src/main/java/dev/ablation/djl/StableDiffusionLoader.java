package dev.ablation.djl;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import dev.ablation.djl.checkpoint.Checkpoint;
import dev.ablation.djl.checkpoint.InvalidCheckpointException;
import dev.ablation.djl.checkpoint.JsonConfig;
import dev.ablation.djl.checkpoint.NetworkFiles;
import dev.ablation.djl.checkpoint.SchedulerConfig;
import dev.ablation.djl.checkpoint.WeightFiles;
import dev.ablation.djl.clip.ClipTextConfig;
import dev.ablation.djl.clip.ClipTextModel;
import dev.ablation.djl.clip.ClipTokenizer;
import dev.ablation.djl.kernel.TorchRuntime;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.NamedWeights;
import dev.ablation.djl.nn.Weight;
import dev.ablation.djl.unet.UNet2DConditionModel;
import dev.ablation.djl.unet.UNetConfig;
import dev.ablation.djl.vae.AutoencoderKL;
import dev.ablation.djl.vae.VaeConfig;
import dev.ablation.model.ModelDescriptor;
import dev.ablation.model.WeightRole;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;

/**
 * Reads a checkpoint folder in diffusers' layout, checks that its parts fit, fills the networks.
 */
final class StableDiffusionLoader {
  private static final Set<String> PIPELINES =
      Set.of("StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline");
  private static final Map<String, Set<String>> PARTS =
      Map.of(
          "unet", Set.of("UNet2DConditionModel"),
          "vae", Set.of("AutoencoderKL"),
          "text_encoder", Set.of("CLIPTextModel"),
          "tokenizer", Set.of("CLIPTokenizer", "CLIPTokenizerFast"));

  /** A buffer that older text encoders carry; the positions are known without it. */
  private static final String POSITION_IDS = "text_model.embeddings.position_ids";

  /** How files before diffusers 0.12 spell the autoencoder's attention. */
  private static final Map<String, String> OLD_ATTENTION =
      Map.of(
          ".query.", ".to_q.", ".key.", ".to_k.", ".value.", ".to_v.", ".proj_attn.", ".to_out.0.");

  private final Path folder;
  private final StableDiffusionOptions options;
  private final List<String> problems = new ArrayList<>();

  private StableDiffusionLoader(Path folder, StableDiffusionOptions options) {
    this.folder = folder;
    this.options = options;
  }

  static StableDiffusion load(Path folder, StableDiffusionOptions options) throws IOException {
    return new StableDiffusionLoader(folder, options).load();
  }

  private StableDiffusion load() throws IOException {
    if (!Files.exists(folder)) {
      throw new NoSuchFileException(folder.toString(), null, "no such checkpoint folder");
    }
    if (!Files.isDirectory(folder)) {
      throw new InvalidCheckpointException(
          folder, "must be a folder with model_index.json, as diffusers saves models; was a file");
    }
    JsonConfig index = JsonConfig.read(folder.resolve("model_index.json"));
    checkIndex(index);

    SchedulerConfig scheduler =
        SchedulerConfig.read(
                folder.resolve("scheduler").resolve("scheduler_config.json"),
                index.requireStrings("scheduler").get(1))
            .forStableDiffusion();
    JsonConfig unetJson = config("unet");
    JsonConfig vaeJson = config("vae");
    JsonConfig textJson = config("text_encoder");
    UNetConfig unetConfig = UNetConfig.of(unetJson);
    VaeConfig vaeConfig = VaeConfig.of(vaeJson);
    ClipTextConfig textConfig = ClipTextConfig.of(textJson);
    checkThatPartsFit(unetConfig, vaeConfig, textConfig);

    // Everything that is read from small files is checked before the engine and the weights.
    UNet2DConditionModel unet = build(unetJson, () -> new UNet2DConditionModel(unetConfig));
    AutoencoderKL vae = build(vaeJson, () -> new AutoencoderKL(vaeConfig));
    ClipTextModel text = build(textJson, () -> new ClipTextModel(textConfig));
    try (NetworkFiles unetPart = open("unet", WeightFiles.DIFFUSERS_STEM, unet);
        NetworkFiles vaePart = open("vae", WeightFiles.DIFFUSERS_STEM, vae);
        NetworkFiles textPart = open("text_encoder", WeightFiles.TRANSFORMERS_STEM, text)) {
      if (!problems.isEmpty()) {
        throw new InvalidCheckpointException(folder, problems);
      }
      ClipTokenizer tokenizer =
          ClipTokenizer.load(folder.resolve("tokenizer"), textConfig.contextLength());
      NDManager manager = null;
      try {
        checkTokenizer(tokenizer, textConfig);
        Device device = options.device() == null ? TorchRuntime.bestDevice() : options.device();
        if (options.threads() > 0) {
          TorchRuntime.useThreads(options.threads());
        }
        manager = TorchRuntime.engine().newBaseManager(device);
        unetPart.fill(manager);
        vaePart.fill(manager);
        textPart.fill(manager);
        if (!problems.isEmpty()) {
          throw new InvalidCheckpointException(folder, problems);
        }
        unet.setPrecision(options.precision());
        vae.setPrecision(options.precision());
        return new StableDiffusion(
            new ModelDescriptor(
                folder.toAbsolutePath().normalize().getFileName().toString(),
                unetConfig.inChannels(),
                unetConfig.sampleSize(),
                unetConfig.sampleSize(),
                tokenizer.contextLength(),
                unetConfig.crossAttentionDim(),
                device),
            manager,
            scheduler,
            tokenizer,
            text,
            unet,
            vae,
            new NamedWeights()
                .add("unet", unet, WeightRole.DENOISER)
                .add("text_encoder", text, WeightRole.TEXT_ENCODER),
            folder);
      } catch (IOException | RuntimeException | Error e) {
        tokenizer.close();
        if (manager != null) {
          manager.close();
        }
        throw e;
      }
    }
  }

  private static void checkIndex(JsonConfig index) throws InvalidCheckpointException {
    if (!PIPELINES.contains(index.requireString("_class_name"))) {
      throw index.invalid(
          "_class_name", "a supported pipeline: one of " + new TreeSet<>(PIPELINES));
    }
    for (String part : List.of("unet", "vae", "text_encoder", "tokenizer", "scheduler")) {
      Set<String> supported = PARTS.get(part);
      String rule =
          supported == null
              ? "a pair [library, class]"
              : "a pair [library, class] with a supported class: one of "
                  + new TreeSet<>(supported);
      List<String> component;
      try {
        component = index.requireStrings(part);
      } catch (InvalidCheckpointException e) {
        throw index.invalid(part, rule); // such as [null, null], which stands for a missing part
      }
      if (component.size() != 2 || (supported != null && !supported.contains(component.get(1)))) {
        throw index.invalid(part, rule);
      }
    }
  }

  private JsonConfig config(String part) throws IOException {
    return JsonConfig.read(folder.resolve(part).resolve("config.json"));
  }

  private void checkThatPartsFit(UNetConfig unet, VaeConfig vae, ClipTextConfig text)
      throws InvalidCheckpointException {
    List<String> found = new ArrayList<>();
    if (unet.crossAttentionDim() != text.hiddenSize()) {
      found.add(
          "cross_attention_dim of the unet (%d) must be hidden_size of the text encoder (%d)"
              .formatted(unet.crossAttentionDim(), text.hiddenSize()));
    }
    if (unet.inChannels() != vae.latentChannels() || unet.outChannels() != unet.inChannels()) {
      found.add(
          "in_channels (%d) and out_channels (%d) of the unet must be latent_channels of the vae (%d)"
              .formatted(unet.inChannels(), unet.outChannels(), vae.latentChannels()));
    }
    if (!found.isEmpty()) {
      throw new InvalidCheckpointException(folder, found);
    }
  }

  private void checkTokenizer(ClipTokenizer tokenizer, ClipTextConfig text)
      throws InvalidCheckpointException {
    if (tokenizer.vocabularySize() > text.vocabularySize()) {
      throw new InvalidCheckpointException(
          folder,
          "the tokenizer has %d tokens, vocab_size of the text encoder must be as large, was %d"
              .formatted(tokenizer.vocabularySize(), text.vocabularySize()));
    }
  }

  private static <T> T build(JsonConfig config, Supplier<T> network)
      throws InvalidCheckpointException {
    try {
      return network.get();
    } catch (IllegalArgumentException e) {
      throw new InvalidCheckpointException(config.path(), String.valueOf(e.getMessage()));
    }
  }

  private static String modern(String part, String tensor) {
    if (part.equals("vae") && tensor.contains(".attentions.")) {
      for (Map.Entry<String, String> spelling : OLD_ATTENTION.entrySet()) {
        tensor = tensor.replace(spelling.getKey(), spelling.getValue());
      }
    }
    return tensor;
  }

  private NetworkFiles open(String name, String stem, Layer network) throws IOException {
    Checkpoint checkpoint = Checkpoint.open(folder.resolve(name), stem, options.variant());
    try {
      boolean addPrefix =
          name.equals("text_encoder")
              && checkpoint.tensors().keySet().stream().noneMatch(t -> t.startsWith("text_model."));
      Map<String, Weight> weights = new LinkedHashMap<>();
      network.forEachWeight(weights::put);
      return NetworkFiles.of(
          name,
          checkpoint,
          weights,
          tensor -> {
            String own = addPrefix ? "text_model." + tensor : modern(name, tensor);
            return own.equals(POSITION_IDS) ? Optional.empty() : Optional.of(own);
          },
          problems);
    } catch (RuntimeException e) {
      checkpoint.close();
      throw e;
    }
  }
}
