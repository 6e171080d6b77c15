package dev.ablation.djl;

import dev.ablation.djl.clip.ClipTextConfig;
import dev.ablation.djl.clip.ClipTextEncoder;
import dev.ablation.djl.clip.ClipTextModel;
import dev.ablation.djl.clip.ClipTokenizer;
import dev.ablation.djl.internal.checkpoint.NetworkNames;
import dev.ablation.djl.internal.checkpoint.SchedulerConfig;
import dev.ablation.djl.internal.pipeline.CheckpointSource;
import dev.ablation.djl.internal.pipeline.Component;
import dev.ablation.djl.internal.pipeline.Components;
import dev.ablation.djl.internal.pipeline.Network;
import dev.ablation.djl.internal.pipeline.Opening;
import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.djl.load.JsonConfig;
import dev.ablation.djl.t5.T5Config;
import dev.ablation.djl.t5.T5EncoderModel;
import dev.ablation.djl.t5.T5TextEncoder;
import dev.ablation.djl.t5.T5Tokenizer;
import dev.ablation.djl.vae.AutoencoderKL;
import dev.ablation.djl.vae.VaeConfig;
import dev.ablation.sample.FlowMatchEuler;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Set;

/** The components that Stable Diffusion 3 and FLUX.1 have in common. */
final class FlowComponents {
  static final Component<SchedulerConfig> SCHEDULER =
      new Component<>("scheduler", Set.of(), FlowComponents::scheduler);

  static final Component<Network<VaeConfig, AutoencoderKL>> VAE =
      Network.component(
          "vae", "AutoencoderKL", NetworkNames.VAE, VaeConfig::of, AutoencoderKL::new);

  private FlowComponents() {}

  /**
   * Configuration of a CLIP text model.
   *
   * @param text shapes and options
   * @param projection width of the projected embedding; 0 without
   */
  record ClipText(ClipTextConfig text, int projection) {}

  static Component<Network<ClipText, ClipTextModel>> clip(String name, boolean projected) {
    return Network.component(
        name,
        projected ? "CLIPTextModelWithProjection" : "CLIPTextModel",
        NetworkNames.CLIP_TEXT,
        json ->
            new ClipText(
                ClipTextConfig.of(json), projected ? json.positiveIntOr("projection_dim", 512) : 0),
        config -> new ClipTextModel(config.text(), config.projection()));
  }

  static Component<Network<T5Config, T5EncoderModel>> t5(String name) {
    return Network.component(
        name, "T5EncoderModel", NetworkNames.T5, T5Config::of, T5EncoderModel::new);
  }

  static Component<Path> tokenizer(String name, String className) {
    return new Component<>(
        name, Set.of(className, className + "Fast"), (source, published) -> source.folder(name));
  }

  private static SchedulerConfig scheduler(CheckpointSource source, String className)
      throws IOException {
    Path file = source.folder("scheduler").resolve("scheduler_config.json");
    SchedulerConfig config = SchedulerConfig.of(className, JsonConfig.read(file));
    if (!(config.sampler() instanceof FlowMatchEuler)) {
      throw new InvalidCheckpointException(
          file,
          "the scheduler must be FlowMatchEulerDiscreteScheduler, since the network is trained by"
              + " flow matching; was "
              + className);
    }
    return config;
  }

  /** Pairs a filled network with its tokenizer, which is closed if opening fails. */
  static ClipTextEncoder open(
      Network<ClipText, ClipTextModel> network,
      Component<Path> tokenizer,
      Components components,
      Opening opening)
      throws IOException {
    ClipTokenizer opened =
        ClipTokenizer.load(components.get(tokenizer), network.config().text(), opening.path());
    opening.onFailure(opened::close);
    return new ClipTextEncoder(opened, network.layer());
  }

  /** {@link #open} of T5, whose tokenizer must not have more tokens than the network. */
  static T5TextEncoder openT5(
      Network<T5Config, T5EncoderModel> network, Path tokenizer, int length, Opening opening)
      throws IOException {
    T5Tokenizer opened =
        T5Tokenizer.load(
            tokenizer,
            opening.options().maxSequenceLength() > 0
                ? opening.options().maxSequenceLength()
                : length);
    opening.onFailure(opened::close);
    if (opened.vocabularySize() > network.config().vocabularySize()) {
      throw new InvalidCheckpointException(
          opening.path(),
          "vocab_size of %s (%d) must be at least the number of tokens of its tokenizer (%d)"
              .formatted(
                  network.name(), network.config().vocabularySize(), opened.vocabularySize()));
    }
    return new T5TextEncoder(opened, network.layer());
  }

  /** There are several tokenizers, so an option that replaces one is ambiguous. */
  static void checkOptions(Opening opening) throws IOException {
    if (opening.options().tokenizer().isPresent()) {
      throw new InvalidCheckpointException(
          opening.path(),
          "LoadOptions.tokenizer must be absent: this pipeline has several tokenizers");
    }
  }
}
