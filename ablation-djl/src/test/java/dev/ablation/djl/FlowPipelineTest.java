package dev.ablation.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.golden.Golden;
import dev.ablation.model.CheckpointExport;
import dev.ablation.model.Conditioning;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.Fingerprint;
import dev.ablation.model.LatentSize;
import dev.ablation.model.PromptTokenizer;
import dev.ablation.model.WeightGroup;
import dev.ablation.safetensors.SafetensorsFile;
import dev.ablation.safetensors.SafetensorsWriter;
import dev.ablation.sample.FlowMatchEuler;
import dev.ablation.sample.FlowSigmas;
import dev.ablation.sample.Guidance;
import dev.ablation.sample.LatentSampler;
import dev.ablation.sample.SamplingSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the pipelines of Stable Diffusion 3 and FLUX.1 do by default, and what they refuse. */
class FlowPipelineTest {
  private static final LoadOptions OPTIONS =
      LoadOptions.defaults().device(Golden.device()).threads(1);

  @TempDir private Path temporary;

  private static Path golden(String pipeline) {
    return FlowGolden.path("pipelines").resolve(pipeline);
  }

  private static DiffusionModel open(String pipeline) throws IOException {
    return DiffusionPipeline.load(golden(pipeline), OPTIONS.maxSequenceLength(24));
  }

  /** A copy of a pipeline with a change of a JSON file. */
  private Path changed(String pipeline, String file, Consumer<JsonObject> change)
      throws IOException {
    Path copy = temporary.resolve("copy");
    PipelineCopy.copy(golden(pipeline), copy);
    JsonObject json =
        JsonParser.parseString(Files.readString(copy.resolve(file))).getAsJsonObject();
    change.accept(json);
    Files.writeString(copy.resolve(file), json.toString());
    return copy;
  }

  private Path withIndex(String pipeline, String key, String value) throws IOException {
    return changed(
        pipeline, "model_index.json", index -> index.add(key, JsonParser.parseString(value)));
  }

  private static void assertRefused(Path folder, LoadOptions options, String... parts) {
    assertThatThrownBy(() -> DiffusionPipeline.load(folder, options).close())
        .isInstanceOf(InvalidCheckpointException.class)
        .hasMessageContainingAll(parts);
  }

  @Test
  void opensEveryFamilyByTheClassInTheIndex() throws IOException {
    try (DiffusionModel model = open("tiny-sd35")) {
      assertThat(model).isInstanceOf(StableDiffusion3.class);
    }
    try (DiffusionModel model = open("tiny-flux-schnell")) {
      assertThat(model).isInstanceOf(Flux.class);
    }
    Path old = Path.of(System.getProperty("ablation.golden"), "pipelines", "tiny-sd1");
    try (DiffusionModel model = DiffusionPipeline.load(old, OPTIONS)) {
      assertThat(model).isInstanceOf(StableDiffusion.class);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "Flux2Pipeline, FLUX.2",
    "Flux2KleinPipeline, FLUX.2",
    "QwenImagePipeline, Qwen-Image",
    "ZImagePipeline, Z-Image",
    "PixArtSigmaPipeline, PixArt",
    "PixArtAlphaPipeline, PixArt",
    "SanaPipeline, Sana"
  })
  void namesFamiliesThatAreNotSupportedYet(String className, String family) throws IOException {
    Path folder = withIndex("tiny-sd3", "_class_name", '"' + className + '"');
    assertRefused(
        folder,
        OPTIONS,
        "_class_name",
        className,
        family + " is not supported yet",
        "this library opens Stable Diffusion 1.x, 2.x and XL",
        "FLUX.1 dev and schnell");
  }

  @Test
  void anotherClassSaysWhichOneOpensAPipeline() {
    assertThatThrownBy(() -> StableDiffusion.load(golden("tiny-flux-dev"), OPTIONS))
        .isInstanceOf(InvalidCheckpointException.class)
        .hasMessageContainingAll("FluxPipeline", "Flux.load opens this one");
    assertThatThrownBy(() -> Flux.load(golden("tiny-sd3"), OPTIONS))
        .isInstanceOf(InvalidCheckpointException.class)
        .hasMessageContaining(
            "StableDiffusion3.load opens this one, and so does DiffusionPipeline.load");
  }

  @Test
  void drawsAsThePublisherDoes() throws IOException {
    try (DiffusionModel model = open("tiny-sd3")) {
      SamplingSettings settings = SamplingSettings.defaultsFor(model);
      assertThat(settings.steps()).isEqualTo(28);
      assertThat(settings.guidance()).isEqualTo(Guidance.classifierFree(7));
      assertThat(((FlowMatchEuler) settings.sampler()).spacing()).isEqualTo(FlowSigmas.TRAINED);
    }
    try (DiffusionModel model = open("tiny-flux-dev")) {
      SamplingSettings settings = SamplingSettings.defaultsFor(model);
      assertThat(settings.steps()).isEqualTo(28);
      assertThat(settings.guidance()).isEqualTo(Guidance.embedded(3.5));
      assertThat(((FlowMatchEuler) settings.sampler()).spacing()).isEqualTo(FlowSigmas.FRACTIONS);
    }
    try (DiffusionModel model = open("tiny-flux-schnell")) {
      SamplingSettings settings = SamplingSettings.defaultsFor(model);
      assertThat(settings.steps()).isEqualTo(4);
      assertThat(settings.guidance()).isEqualTo(Guidance.none());
    }
  }

  @Test
  void readsThePublishedNumberOfTokens() throws IOException {
    assertThat(tokens("tiny-sd3", OPTIONS)).isEqualTo(77 + 256);
    assertThat(tokens("tiny-sd3", OPTIONS.without("text_encoder_3"))).isEqualTo(77 + 256);
    assertThat(tokens("tiny-flux-dev", OPTIONS)).isEqualTo(512);
    assertThat(tokens("tiny-flux-schnell", OPTIONS)).isEqualTo(256);
    assertThat(tokens("tiny-flux-schnell", OPTIONS.maxSequenceLength(9))).isEqualTo(9);
  }

  private static long tokens(String pipeline, LoadOptions options) throws IOException {
    try (DiffusionModel model = DiffusionPipeline.load(golden(pipeline), options);
        NDManager scope = model.manager().newSubManager()) {
      return model.encode(List.of("a cat"), scope).textEmbeddings().getShape().get(1);
    }
  }

  /** What an encoder reads is no weight, but decides what is drawn and cached. */
  @Test
  void whatIsReadEntersTheKeysOfCaches() throws IOException {
    List<List<String>> keys = new ArrayList<>();
    for (LoadOptions options :
        List.of(
            OPTIONS.maxSequenceLength(24),
            OPTIONS.maxSequenceLength(25),
            OPTIONS.maxSequenceLength(24).guidance(2))) {
      try (DiffusionModel model = DiffusionPipeline.load(golden("tiny-flux-dev"), options)) {
        keys.add(Fingerprint.of(model));
      }
    }
    try (DiffusionModel model = open("tiny-flux-dev")) {
      assertThat(model.encodingSettings())
          .containsOnly(Map.entry("maxSequenceLength", "24"), Map.entry("guidance", "3.5"));
      assertThat(keys).doesNotHaveDuplicates().contains(Fingerprint.of(model));
    }
    try (DiffusionModel model = open("tiny-sd3");
        DiffusionModel longer =
            DiffusionPipeline.load(golden("tiny-sd3"), OPTIONS.maxSequenceLength(25))) {
      assertThat(model.weights().sha256()).isEqualTo(longer.weights().sha256());
      assertThat(Fingerprint.of(model)).isNotEqualTo(Fingerprint.of(longer));
    }
  }

  @Test
  void theTableOfPositionsIsHashedAndWrittenButNotTrained() throws IOException {
    Path copy = temporary.resolve("copy");
    PipelineCopy.copy(golden("tiny-sd3"), copy);
    String table = "pos_embed.pos_embed";
    Path file = copy.resolve("transformer/diffusion_pytorch_model.safetensors");
    Path changed = temporary.resolve("changed.safetensors");
    try (NDManager scope = NDManager.newBaseManager();
        SafetensorsFile tensors = SafetensorsFile.open(file)) {
      Map<String, NDArray> all = new TreeMap<>();
      for (String name : tensors.tensors().keySet()) {
        NDArray array = tensors.readFloat32(name, scope);
        all.put(name, name.equals(table) ? array.add(1) : array.duplicate());
      }
      SafetensorsWriter.write(changed, all, Map.of());
    }
    Files.move(changed, file, StandardCopyOption.REPLACE_EXISTING);
    Path exported = temporary.resolve("exported");
    try (DiffusionModel model = open("tiny-sd3");
        DiffusionModel other = DiffusionPipeline.load(copy, OPTIONS.maxSequenceLength(24))) {
      assertThat(Fingerprint.of(other)).isNotEqualTo(Fingerprint.of(model));
      assertThat(other.weights().sha256()).isEqualTo(model.weights().sha256());
      assertThat(WeightGroup.denoiser().select(model.weights()))
          .noneMatch(info -> info.name().endsWith(table));
      other.capability(CheckpointExport.class).orElseThrow().export(exported);
      try (DiffusionModel again = DiffusionPipeline.load(exported, OPTIONS.maxSequenceLength(24))) {
        assertThat(Fingerprint.of(again)).isEqualTo(Fingerprint.of(other));
      }
    }
  }

  @Test
  void t5MayBeAbsentFromStableDiffusion3() throws IOException {
    Path folder =
        changed(
            "tiny-sd3",
            "model_index.json",
            index -> {
              index.add("text_encoder_3", JsonParser.parseString("[null, null]"));
              index.add("tokenizer_3", JsonParser.parseString("[null, null]"));
            });
    Path exported = temporary.resolve("exported");
    try (StableDiffusion3 absent = StableDiffusion3.load(folder, OPTIONS);
        StableDiffusion3 leftOut =
            StableDiffusion3.load(golden("tiny-sd3"), OPTIONS.without("text_encoder_3"));
        NDManager scope = absent.manager().newSubManager()) {
      assertThat(absent.textEncoders().third()).isNull();
      assertThat(absent.weights().list()).noneMatch(info -> info.component().endsWith("_3"));
      NDArray text = absent.encode(List.of("a cat"), scope).textEmbeddings();
      assertThat(text.toFloatArray())
          .isEqualTo(leftOut.encode(List.of("a cat"), scope).textEmbeddings().toFloatArray());
      assertThat(text.get(":, 77:").abs().max().getFloat()).isZero();
      absent.capability(CheckpointExport.class).orElseThrow().export(exported);
      assertThat(exported.resolve("text_encoder_3")).doesNotExist();
    }
    StableDiffusion3.load(exported, OPTIONS).close();
  }

  @Test
  void fluxNeedsT5() throws IOException {
    assertRefused(
        withIndex("tiny-flux-dev", "text_encoder_2", "[null, null]"),
        OPTIONS,
        "text_encoder_2",
        "T5EncoderModel");
    assertRefused(
        golden("tiny-flux-dev"),
        OPTIONS.without("text_encoder_2"),
        "LoadOptions.without",
        "was text_encoder_2");
  }

  @Test
  void t5NeedsItsTokenizer() throws IOException {
    assertRefused(
        withIndex("tiny-sd3", "tokenizer_3", "[null, null]"), OPTIONS, "tokenizer_3 must be there");
  }

  @Test
  void refusesTokenizersOfAnotherKind() throws IOException {
    assertRefused(
        withIndex("tiny-sd3", "tokenizer_3", "[\"transformers\", \"CLIPTokenizer\"]"),
        OPTIONS,
        "tokenizer_3",
        "CLIPTokenizer",
        "[T5Tokenizer, T5TokenizerFast]");
  }

  @Test
  void refusesATokenizerWithMoreTokensThanTheNetwork() throws IOException {
    Path folder = temporary.resolve("copy");
    PipelineCopy.copy(golden("tiny-sd3"), folder);
    Files.copy(
        FlowGolden.path("t5tok/real/tokenizer.json"),
        folder.resolve("tokenizer_3/tokenizer.json"),
        StandardCopyOption.REPLACE_EXISTING);
    assertRefused(folder, OPTIONS, "vocab_size of text_encoder_3 (544)", "its tokenizer (32100)");
  }

  @Test
  void refusesAnOptionThatReplacesOneTokenizerOfSeveral() {
    assertRefused(
        golden("tiny-sd3"), OPTIONS.tokenizer(temporary), "LoadOptions.tokenizer must be absent");
  }

  @Test
  void refusesASchedulerOfAnotherKind() throws IOException {
    assertRefused(
        withIndex("tiny-sd3", "scheduler", "[\"diffusers\", \"DDIMScheduler\"]"),
        OPTIONS,
        "FlowMatchEulerDiscreteScheduler",
        "was DDIMScheduler");
  }

  @ParameterizedTest
  @CsvSource({
    "tiny-sd3, pooled_projection_dim, 57, (57) must be projection_dim of both",
    "tiny-sd3, joint_attention_dim, 60, (60) must be at least hidden_size of both",
    "tiny-sd3, joint_attention_dim, 81, (81) must be d_model of text_encoder_3",
    "tiny-sd3, in_channels, 4, in_channels (4) and out_channels (16)",
    "tiny-flux-dev, joint_attention_dim, 60, (60) must be d_model of text_encoder_2",
    "tiny-flux-dev, pooled_projection_dim, 33, (33) must be hidden_size of text_encoder",
    "tiny-flux-dev, in_channels, 16, in_channels (16)"
  })
  void refusesComponentsThatDoNotFit(String pipeline, String key, int value, String message)
      throws IOException {
    assertRefused(
        changed(pipeline, "transformer/config.json", config -> config.addProperty(key, value)),
        OPTIONS,
        message);
  }

  @Test
  void schnellTakesNoGuidance() throws IOException {
    assertRefused(
        golden("tiny-flux-schnell"),
        OPTIONS.guidance(3.5),
        "LoadOptions.guidance must be absent",
        "schnell");
    try (DiffusionModel model = open("tiny-flux-schnell")) {
      LatentSampler sampler =
          LatentSampler.of(model)
              .settings(SamplingSettings.defaultsFor(model).guidance(Guidance.embedded(3.5)));
      assertThatThrownBy(() -> sampler.sample(List.of("a cat"), 1, model.manager()))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContainingAll("schnell", "takes no 'guidance'", "Guidance.none()");
    }
    try (DiffusionModel model = open("tiny-sd3")) {
      LatentSampler sampler =
          LatentSampler.of(model)
              .settings(SamplingSettings.defaultsFor(model).guidance(Guidance.embedded(3.5)));
      assertThatThrownBy(() -> sampler.sample(List.of("a cat"), 1, model.manager()))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContainingAll("Stable Diffusion 3", "Guidance.classifierFree");
    }
  }

  @Test
  void theGuidanceScaleOfDevIsACondition() throws IOException {
    try (Flux model =
            Flux.load(golden("tiny-flux-dev"), OPTIONS.maxSequenceLength(24).guidance(2));
        NDManager scope = model.manager().newSubManager()) {
      Conditioning conditioning = model.encode(List.of("a cat", "a dog"), scope);
      assertThat(conditioning.get(Conditioning.GUIDANCE).toFloatArray()).containsExactly(2, 2);
      NDArray latents = scope.ones(new Shape(2, 16, 4, 4));
      NDArray times = scope.create(new float[] {500, 700});
      Conditioning without =
          new Conditioning(
              Map.of(
                  Conditioning.TEXT,
                  conditioning.textEmbeddings(),
                  Conditioning.POOLED,
                  conditioning.get(Conditioning.POOLED)));
      assertThatThrownBy(() -> model.predict(latents, times, without))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("needs [guidance]");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"tiny-sd3", "tiny-flux-dev"})
  void refusesSizesThatDoNotDivide(String pipeline) throws IOException {
    try (DiffusionModel model = open(pipeline);
        NDManager scope = model.manager().newSubManager()) {
      String message = "height and width must be multiples of 2 (of the image: of 4), were 5 x 4";
      assertThatThrownBy(() -> model.encode(List.of("a cat"), new LatentSize(5, 4), scope))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining(message);
      assertThatThrownBy(
              () -> LatentSampler.of(model).latentSize(5, 4).sample(List.of("a cat"), 1, scope))
          .hasMessageContaining(message);
      Conditioning conditioning = model.encode(List.of("a cat"), scope);
      NDArray times = scope.create(new float[] {500});
      assertThatThrownBy(
              () -> model.predict(scope.ones(new Shape(1, 16, 5, 4)), times, conditioning))
          .hasMessageContaining(message);
      assertThatThrownBy(
              () -> model.predict(scope.ones(new Shape(1, 4, 4, 4)), times, conditioning))
          .hasMessageContaining("expected (B, 16, H, W)");
    }
  }

  @Test
  void refusesConditionsThatDoNotFit() throws IOException {
    try (DiffusionModel model = open("tiny-sd3");
        NDManager scope = model.manager().newSubManager()) {
      Conditioning conditioning = model.encode(List.of("a cat"), scope);
      NDArray latents = scope.ones(new Shape(1, 16, 4, 4));
      NDArray times = scope.create(new float[] {500});
      assertThatThrownBy(() ->
              model.predict(
                  latents,
                  times,
                  conditioning.with(Conditioning.POOLED, scope.ones(new Shape(1, 5)))))
          .hasMessageContaining("pooled text embedding (1, 56), was (1, 5)");
      assertThatThrownBy(() ->
              model.predict(
                  latents,
                  times,
                  conditioning.with(Conditioning.TEXT, scope.ones(new Shape(1, 3, 5)))))
          .hasMessageContaining("text embeddings (1, T, 80), was (1, 3, 5)");
      assertThatThrownBy(() -> model.predict(latents, scope.ones(new Shape(2)), conditioning))
          .hasMessageContaining("timesteps: expected (1)");
    }
  }

  @Test
  void tellsWhichEncoderCutsAPrompt() throws IOException {
    String longPrompt = "word ".repeat(90) + "zebra";
    try (StableDiffusion3 model = StableDiffusion3.load(golden("tiny-sd3"), OPTIONS)) {
      assertThat(model.cut("a cat")).isEmpty();
      assertThat(model.cut(longPrompt)).containsKeys("text_encoder", "text_encoder_2");
      assertThat(model.cut(longPrompt).get("text_encoder")).endsWith("zebra");
    }
    try (Flux model = Flux.load(golden("tiny-flux-dev"), OPTIONS.maxSequenceLength(24))) {
      assertThat(model.cut(longPrompt)).containsOnlyKeys("text_encoder", "text_encoder_2");
    }
  }

  @Test
  void everyEncoderHasTokensOfItsOwn() throws IOException {
    try (DiffusionModel model = open("tiny-sd3")) {
      PromptTokenizer tokenizer = model.capability(PromptTokenizer.class).orElseThrow();
      assertThat(tokenizer.tokens("a cat")).isEqualTo(tokenizer.tokens("a cat", "text_encoder_3"));
      assertThat(tokenizer.tokens("a cat", "text_encoder"))
          .isNotEqualTo(tokenizer.tokens("a cat", "text_encoder_3"));
      assertThat(WeightGroup.tokenEmbeddings().select(model.weights()))
          .extracting(info -> info.component())
          .containsExactly("text_encoder", "text_encoder_2", "text_encoder_3");
    }
  }
}
