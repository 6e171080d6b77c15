package dev.ablation.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.ablation.djl.clip.ClipTextConfig;
import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.djl.load.JsonConfig;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.unet.UNetConfig;
import dev.ablation.djl.vae.VaeConfig;
import dev.ablation.safetensors.Dtype;
import dev.ablation.safetensors.MalformedSafetensorsException;
import dev.ablation.safetensors.NarrowFloats;
import dev.ablation.safetensors.WriteOptions;
import dev.ablation.sample.Euler;
import dev.ablation.sample.Sampler;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.schedule.PredictionType;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Copies of a golden pipeline, each changed in one thing that leaves the model as it was. */
class StableDiffusionLoadTest {
  private static final LoadOptions OPTIONS =
      LoadOptions.defaults().device(Device.fromName(System.getProperty("ablation.device")));

  private static final String INDEX = "model_index.json";
  private static final String UNET = "unet/config.json";
  private static final String VAE = "vae/config.json";
  private static final String TEXT = "text_encoder/config.json";
  private static final String SCHEDULER = "scheduler/scheduler_config.json";
  private static final String POSITION_IDS = "text_model.embeddings.position_ids";

  /** Everything that was read from a folder. */
  private record Loaded(
      UNetConfig unet,
      VaeConfig vae,
      ClipTextConfig text,
      NoiseSchedule schedule,
      PredictionType prediction,
      Sampler sampler,
      List<Integer> tokens,
      Map<String, FloatBuffer> weights) {

    static Loaded of(StableDiffusion model) {
      Map<String, FloatBuffer> weights = new TreeMap<>();
      BiConsumer<String, Layer> collect =
          (part, network) ->
              network.forEachWeight((name, weight) ->
                  weights.put(part + "." + name, FloatBuffer.wrap(weight.get().toFloatArray())));
      collect.accept("unet", model.unet());
      collect.accept("vae", model.vae());
      collect.accept("text_encoder", model.textEncoder());
      return new Loaded(
          model.unet().config(),
          model.vae().config(),
          model.textEncoder().config(),
          model.schedule(),
          model.predictionType(),
          model.sampler(),
          Arrays.stream(model.tokenizer().encode("a photo of a cat")).boxed().toList(),
          weights);
    }

    Loaded with(Sampler other) {
      return new Loaded(unet, vae, text, schedule, prediction, other, tokens, weights);
    }
  }

  private interface Change {
    void in(PipelineCopy copy) throws IOException;
  }

  private static Loaded plain;

  @TempDir private Path temp;
  private PipelineCopy copy;

  @BeforeAll
  static void loadPlain() throws IOException {
    plain = load(PipelineCopy.golden());
  }

  @BeforeEach
  void copyPipeline() throws IOException {
    copy = PipelineCopy.into(temp.resolve("model"));
  }

  private static Loaded load(Path folder) throws IOException {
    return load(folder, OPTIONS);
  }

  private static Loaded load(Path folder, LoadOptions options) throws IOException {
    try (StableDiffusion model = StableDiffusion.load(folder, options)) {
      return Loaded.of(model);
    }
  }

  private static Arguments change(String name, Change change) {
    return Arguments.of(name, change);
  }

  static Stream<Arguments> sameModels() {
    return Stream.of(
        change("as is", c -> {}),
        change("unet config with an unknown key", c -> c.set(UNET, "foo", "1")),
        change(
            "unet config without class and version",
            c -> {
              c.remove(UNET, "_class_name");
              c.remove(UNET, "_diffusers_version");
            }),
        change(
            "index without optional components",
            c -> {
              c.remove(INDEX, "feature_extractor");
              c.remove(INDEX, "image_encoder");
              c.remove(INDEX, "safety_checker");
            }),
        change(
            "index without requires_safety_checker",
            c -> c.remove(INDEX, "requires_safety_checker")),
        change(
            "index that requires a safety checker, null",
            c -> c.set(INDEX, "requires_safety_checker", "true")),
        change("index with null as safety checker", c -> c.set(INDEX, "safety_checker", "null")),
        change(
            "index with a safety checker and its folder",
            c -> {
              c.set(
                  INDEX,
                  "safety_checker",
                  "[\"stable_diffusion\",\"StableDiffusionSafetyChecker\"]");
              Files.createDirectory(c.path("safety_checker"));
            }),
        change(
            "index with a safety checker without folder",
            c ->
                c.set(
                    INDEX,
                    "safety_checker",
                    "[\"stable_diffusion\",\"StableDiffusionSafetyChecker\"]")),
        change("index with an extra scalar", c -> c.set(INDEX, "ablation", "\"x\"")),
        change("index with an extra null component", c -> c.set(INDEX, "extra", "[null,null]")),
        change(
            "index with an extra component", c -> c.set(INDEX, "extra", "[\"library\",\"Class\"]")),
        change("index without version", c -> c.remove(INDEX, "_diffusers_version")),
        change(
            "index with the other tokenizer class",
            c -> c.set(INDEX, "tokenizer", "[\"transformers\",\"CLIPTokenizerFast\"]")),
        change(
            "index of the image-to-image pipeline",
            c -> c.set(INDEX, "_class_name", "\"StableDiffusionImg2ImgPipeline\"")),
        change("scheduler with steps_offset 0", c -> c.set(SCHEDULER, "steps_offset", "0")),
        change("scheduler with clip_sample", c -> c.set(SCHEDULER, "clip_sample", "true")),
        change("scheduler with an unknown key", c -> c.set(SCHEDULER, "foo", "1")),
        change(
            "scheduler file of another class; the index holds",
            c -> c.set(SCHEDULER, "_class_name", "\"HeunDiscreteScheduler\"")),
        change(
            "scheduler file without class and version",
            c -> {
              c.remove(SCHEDULER, "_class_name");
              c.remove(SCHEDULER, "_diffusers_version");
            }),
        change("unet weights without metadata", c -> withoutMetadata(c, "unet")),
        change("text encoder weights without metadata", c -> withoutMetadata(c, "text_encoder")),
        change("text encoder names with prefix", c -> renameText(c, "text_model.")),
        change("text encoder names without prefix", c -> renameText(c, "")),
        change(
            "text encoder with position ids",
            c -> {
              renameText(c, "text_model.");
              c.weights(
                  "text_encoder",
                  (tensors, manager) ->
                      tensors.put(POSITION_IDS, manager.arange(77).toType(DataType.INT64, true)));
            }),
        change(
            "text encoder with position ids, without prefix",
            c -> {
              renameText(c, "");
              c.weights(
                  "text_encoder",
                  (tensors, manager) ->
                      tensors.put(
                          "embeddings.position_ids",
                          manager.arange(77).toType(DataType.INT64, true)));
            }),
        change(
            "text encoder without position ids",
            c -> {
              renameText(c, "text_model.");
              c.weights("text_encoder", (tensors, manager) -> tensors.remove(POSITION_IDS));
            }),
        change(
            "tokenizer with an empty added_tokens.json",
            c -> Files.writeString(c.path("tokenizer/added_tokens.json"), "{}")),
        change("text encoder of the older model type", c -> c.set(TEXT, "model_type", "\"clip\"")),
        change("text encoder that says float16", c -> c.set(TEXT, "torch_dtype", "\"float16\"")),
        change(
            "foreign files and folders",
            c -> {
              Files.writeString(c.path("README.md"), "#");
              Files.writeString(c.path("unet/.DS_Store"), "x");
              Files.writeString(c.path("vae/notes.txt"), "x");
              Files.createDirectory(c.path(".cache"));
            }),
        change(
            "pickles beside the weights, never read",
            c -> {
              Files.writeString(c.path("unet/diffusion_pytorch_model.bin"), "x");
              Files.writeString(c.path("text_encoder/pytorch_model.bin"), "x");
            }),
        change("all in float64", StableDiffusionLoadTest::inFloat64),
        change("unet in shards", c -> c.shard("unet", 3)),
        change(
            "everything in shards",
            c -> {
              for (String part : PipelineCopy.NETWORKS) {
                c.shard(part, 2);
              }
            }),
        change(
            "autoencoder's attention in the older spelling",
            c -> c.weights("vae", (tensors, manager) -> oldAttention(tensors))),
        change(
            "autoencoder's attention in the newer spelling",
            c -> c.weights("vae", (tensors, manager) -> newAttention(tensors))),
        change(
            "autoencoder's attention as 1x1 convolutions",
            c -> c.weights("vae", (tensors, manager) -> convAttention(tensors))),
        change(
            "the only variant",
            c -> {
              for (String part : PipelineCopy.NETWORKS) {
                Files.move(c.weightFile(part), variantFile(c, part, "fp16"));
              }
            }),
        change(
            "only the unet in a variant",
            c -> Files.move(c.weightFile("unet"), variantFile(c, "unet", "non_ema"))),
        change("unet config without defaults", c -> dropDefaults(c, "unet")),
        change("vae config without defaults", c -> dropDefaults(c, "vae")),
        change("text encoder config without defaults", c -> dropDefaults(c, "text_encoder")),
        change(
            "heads under their right name",
            c ->
                c.edit(
                    UNET,
                    json -> json.add("num_attention_heads", json.remove("attention_head_dim")))),
        change(
            "only_cross_attention by level",
            c ->
                c.edit(
                    UNET,
                    json -> {
                      JsonArray levels = new JsonArray();
                      json.getAsJsonArray("block_out_channels").forEach(level -> levels.add(false));
                      json.add("only_cross_attention", levels);
                    })),
        change(
            "layers by level",
            c ->
                c.edit(
                    UNET,
                    json -> {
                      JsonElement layers = json.get("layers_per_block");
                      if (!layers.isJsonArray()) {
                        JsonArray levels = new JsonArray();
                        json.getAsJsonArray("block_out_channels")
                            .forEach(level -> levels.add(layers));
                        json.add("layers_per_block", levels);
                      }
                    })));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("sameModels")
  void isTheSameModel(String name, Change change) throws IOException {
    change.in(copy);
    Footprint before = Footprint.of(copy.root());
    assertThat(load(copy.root())).isEqualTo(plain);
    before.check(copy.root());
  }

  private static void withoutMetadata(PipelineCopy copy, String part) throws IOException {
    copy.rawHeader(part, 0, header -> header.remove("__metadata__"));
  }

  private static void renameText(PipelineCopy copy, String prefix) throws IOException {
    copy.weights(
        "text_encoder",
        (tensors, manager) ->
            rename(tensors, name -> prefix + name.replaceFirst("^text_model\\.", "")));
  }

  private static void rename(Map<String, NDArray> tensors, UnaryOperator<String> change) {
    Map<String, NDArray> renamed = new TreeMap<>();
    tensors.forEach((name, tensor) -> renamed.put(change.apply(name), tensor));
    tensors.clear();
    tensors.putAll(renamed);
  }

  private static void inFloat64(PipelineCopy copy) throws IOException {
    for (String part : PipelineCopy.NETWORKS) {
      copy.weights(
          part,
          (tensors, manager) ->
              tensors.replaceAll((name, tensor) ->
                  tensor.getDataType().isFloating()
                      ? tensor.toType(DataType.FLOAT64, true)
                      : tensor));
    }
  }

  private static void oldAttention(Map<String, NDArray> tensors) {
    rename(
        tensors,
        name ->
            !name.contains(".attentions.")
                ? name
                : name.replace(".to_q.", ".query.")
                    .replace(".to_k.", ".key.")
                    .replace(".to_v.", ".value.")
                    .replace(".to_out.0.", ".proj_attn."));
  }

  private static void newAttention(Map<String, NDArray> tensors) {
    rename(
        tensors,
        name ->
            !name.contains(".attentions.")
                ? name
                : name.replace(".query.", ".to_q.")
                    .replace(".key.", ".to_k.")
                    .replace(".value.", ".to_v.")
                    .replace(".proj_attn.", ".to_out.0."));
  }

  private static void convAttention(Map<String, NDArray> tensors) {
    oldAttention(tensors);
    tensors.replaceAll((name, tensor) ->
        name.contains(".attentions.") && tensor.getShape().dimension() == 2
            ? tensor.reshape(tensor.getShape().addAll(new Shape(1, 1)))
            : tensor);
  }

  private static Path variantFile(PipelineCopy copy, String part, String variant) {
    return copy.path(part).resolve(PipelineCopy.stem(part) + "." + variant + ".safetensors");
  }

  private static JsonObject publishedDefaults(String part) throws IOException {
    try (Reader reader =
        new InputStreamReader(
            Objects.requireNonNull(
                StableDiffusionLoadTest.class.getResourceAsStream("published-defaults.json")),
            StandardCharsets.UTF_8)) {
      return JsonParser.parseReader(reader).getAsJsonObject().getAsJsonObject(part);
    }
  }

  private static void dropDefaults(PipelineCopy copy, String part) throws IOException {
    JsonObject defaults = publishedDefaults(part);
    copy.edit(
        part + "/config.json",
        json -> {
          int before = json.size();
          for (String key : defaults.keySet()) {
            if (defaults.get(key).equals(json.get(key))) {
              json.remove(key);
            }
          }
          assertThat(json.size()).isLessThan(before);
        });
  }

  @ParameterizedTest
  @ValueSource(strings = {"unet", "vae", "text_encoder"})
  void absentKeysTakeThePublishedDefault(String part) throws IOException {
    JsonObject defaults = publishedDefaults(part);
    JsonObject empty = new JsonObject();
    if (part.equals("unet")) {
      defaults.addProperty("sample_size", 64); // the one key without default
      empty.addProperty("sample_size", 64);
    }
    assertThat(config(part, empty)).isEqualTo(config(part, defaults));
    for (String key : defaults.keySet()) {
      JsonObject withNull = defaults.deepCopy();
      if (!key.equals("sample_size") && !key.equals("mid_block_type")) {
        withNull.add(key, JsonParser.parseString("null"));
        assertThat(config(part, withNull)).as(key).isEqualTo(config(part, defaults));
      }
    }
  }

  private Object config(String part, JsonObject json) throws IOException {
    JsonConfig config =
        JsonConfig.read(Files.writeString(temp.resolve("defaults.json"), json.toString()));
    return switch (part) {
      case "unet" -> UNetConfig.of(config);
      case "vae" -> VaeConfig.of(config);
      default -> ClipTextConfig.of(config);
    };
  }

  // Narrow formats, variants, places.

  @ParameterizedTest
  @ValueSource(strings = {"F16", "BF16"})
  void narrowFormatsAreTheModelRounded(String format) throws IOException {
    WriteOptions options = WriteOptions.defaults().storingFloatsAs(Dtype.valueOf(format));
    for (String part : PipelineCopy.NETWORKS) {
      copy.store(part, options);
    }
    Map<String, FloatBuffer> expected = new TreeMap<>();
    plain.weights().forEach((name, values) -> expected.put(name, rounded(values, format)));
    assertThat(load(copy.root()).weights()).isEqualTo(expected);
  }

  @Test
  void oneFileMayMixFormats() throws IOException {
    copy.weights(
        "unet",
        (tensors, manager) ->
            tensors.replaceAll((name, tensor) ->
                name.startsWith("down_blocks") ? tensor.toType(DataType.FLOAT16, true) : tensor));
    Map<String, FloatBuffer> expected = new TreeMap<>(plain.weights());
    expected.replaceAll(
        (name, values) -> name.startsWith("unet.down_blocks") ? rounded(values, "F16") : values);
    assertThat(load(copy.root()).weights()).isEqualTo(expected);
  }

  private static FloatBuffer rounded(FloatBuffer values, String format) {
    float[] rounded = new float[values.remaining()];
    for (int i = 0; i < rounded.length; i++) {
      rounded[i] =
          format.equals("F16")
              ? NarrowFloats.fromFloat16(NarrowFloats.toFloat16(values.get(i)))
              : NarrowFloats.fromBfloat16(NarrowFloats.toBfloat16(values.get(i)));
    }
    return FloatBuffer.wrap(rounded);
  }

  @Test
  void theVariantThatWasAskedForIsTaken() throws IOException {
    for (String part : PipelineCopy.NETWORKS) {
      Files.move(copy.weightFile(part), variantFile(copy, part, "fp16"));
      Files.writeString(copy.weightFile(part), "not these");
    }
    assertThat(load(copy.root(), OPTIONS.variant("fp16"))).isEqualTo(plain);
    assertThatThrownBy(() -> load(copy.root())).isInstanceOf(MalformedSafetensorsException.class);
    assertThatThrownBy(() -> load(copy.root(), OPTIONS.variant("bf16")))
        .isInstanceOf(InvalidCheckpointException.class)
        .hasMessageContainingAll(copy.path("unet").toString(), "bf16", "fp16");
  }

  @Test
  @EnabledOnOs({OS.LINUX, OS.MAC}) // where files have holes
  void filesMayBeLargerThanTwoGigabytes() throws IOException {
    long gap = (3L << 30) + 64;
    renameText(copy, "text_model.");
    copy.weights("text_encoder", (tensors, manager) -> tensors.remove(POSITION_IDS));
    copy.rawHeader(
        "text_encoder",
        gap,
        header ->
            header.add(
                POSITION_IDS,
                JsonParser.parseString(
                    "{\"dtype\":\"U8\",\"shape\":[%d],\"data_offsets\":[0,%d]}"
                        .formatted(gap, gap))));
    assertThat(Files.size(copy.weightFile("text_encoder"))).isGreaterThan(gap);
    assertThat(load(copy.root())).isEqualTo(plain);
  }

  @ParameterizedTest
  @ValueSource(strings = {"a folder with blanks", "Ünïcödé 模型", "a'b\"c%20d#e", "dots.v1.5"})
  void theFolderMayHaveAnyName(String name) throws IOException {
    Path folder = Files.move(copy.root(), temp.resolve(name));
    assertThat(load(folder)).isEqualTo(plain);
    try (StableDiffusion model = StableDiffusion.load(folder, OPTIONS)) {
      assertThat(model.descriptor().name()).isEqualTo(name);
    }
  }

  @Test
  void theFolderMayBeRelative() throws IOException {
    Path here = Path.of("").toAbsolutePath();
    assertThat(load(here.relativize(copy.root()))).isEqualTo(plain);
    try (StableDiffusion model =
        StableDiffusion.load(here.relativize(copy.path("unet")).resolve(".."), OPTIONS)) {
      assertThat(model.descriptor().name()).isEqualTo("model");
    }
  }

  @Test
  @EnabledOnOs({OS.LINUX, OS.MAC}) // Windows asks for a privilege
  void theFolderMayBeALink() throws IOException {
    assertThat(load(Files.createSymbolicLink(temp.resolve("link"), copy.root()))).isEqualTo(plain);
  }

  /** The cache of the Hugging Face hub is a folder of links into a folder of blobs. */
  @Test
  @EnabledOnOs({OS.LINUX, OS.MAC})
  void theFilesMayBeLinks() throws IOException {
    Path blobs = Files.createDirectory(temp.resolve("blobs"));
    try (Stream<Path> files = Files.walk(copy.root())) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        Path blob = blobs.resolve("blob" + file.toString().hashCode());
        Files.move(file, blob);
        Files.createSymbolicLink(file, file.getParent().relativize(blob));
      }
    }
    assertThat(load(copy.root())).isEqualTo(plain);
  }

  @Test
  void theFilesMayBeReadOnly() throws IOException {
    try (Stream<Path> files = Files.walk(copy.root())) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        assertThat(file.toFile().setReadOnly()).isTrue();
      }
    }
    assertThat(load(copy.root())).isEqualTo(plain);
  }

  @Test
  void weightsOutliveTheFiles() throws IOException {
    try (StableDiffusion model = StableDiffusion.load(copy.root(), OPTIONS)) {
      if (!OS.WINDOWS.isCurrentOs()) { // mapped files cannot be deleted there
        copy.delete("");
      }
      assertThat(Loaded.of(model)).isEqualTo(plain);
    }
  }

  // Tokenizer files that may be absent change the special tokens, so these load, no more.
  @ParameterizedTest
  @ValueSource(strings = {"special_tokens_map.json", "tokenizer_config.json"})
  void tokenizersNeedOnlyVocabularyAndMerges(String file) throws IOException {
    Files.deleteIfExists(copy.path("tokenizer").resolve(file));
    assertThat(load(copy.root()).weights()).isEqualTo(plain.weights());
  }

  @Test
  void theIndexChoosesTheScheduler() throws IOException {
    copy.set(INDEX, "scheduler", "[\"diffusers\",\"EulerDiscreteScheduler\"]");
    Loaded loaded = load(copy.root());
    assertThat(loaded.sampler()).isInstanceOf(Euler.class);
    assertThat(loaded).isEqualTo(plain.with(loaded.sampler()));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3})
  void imagesOfAnySizeThatTheCodecTakesArePredicted(int rows) throws IOException {
    try (StableDiffusion model = StableDiffusion.load(copy.root(), OPTIONS);
        var scope = model.manager().newSubManager()) {
      int channels = model.descriptor().latentChannels();
      Shape shape = new Shape(1, channels, 2L * rows + 1, 13);
      NDArray latents = scope.ones(shape);
      NDArray timesteps = scope.create(new long[] {500});
      NDArray out = model.predict(latents, timesteps, model.encode(List.of("a cat"), scope));
      out.attach(scope);
      assertThat(out.getShape()).isEqualTo(shape);
    }
  }
}
