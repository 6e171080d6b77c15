package dev.ablation.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.gson.JsonObject;
import dev.ablation.djl.SingleFiles.Pair;
import dev.ablation.djl.clip.ClipTokenizer;
import dev.ablation.djl.internal.checkpoint.Checkpoint;
import dev.ablation.djl.internal.singlefile.Tokenizers;
import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.djl.load.ModelFamily;
import dev.ablation.djl.t5.T5Tokenizer;
import dev.ablation.golden.Golden;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.SingleFileExport;
import dev.ablation.safetensors.Dtype;
import dev.ablation.safetensors.MalformedSafetensorsException;
import dev.ablation.safetensors.TensorSource;
import dev.ablation.safetensors.WriteOptions;
import dev.ablation.schedule.PredictionType;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Finding out what a single file is, options, and files that are refused. */
class SingleFileTest {
  private static final Path PIPELINES =
      Path.of(System.getProperty("ablation.golden")).resolve("pipelines");

  private static final String BIAS =
      "model.diffusion_model.output_blocks.11.1.transformer_blocks.0.norm1.bias";

  @TempDir private static Path written;

  private static Path sd1;
  private static Path sd2;

  @TempDir private Path temp;

  /** Files of versions 1 and 2, written of the golden folders. */
  @BeforeAll
  static void write() throws IOException {
    sd1 = export("tiny-sd1");
    sd2 = export("tiny-sd2");
  }

  private static Path export(String model) throws IOException {
    Path file = written.resolve(model + ".safetensors");
    try (StableDiffusion whole =
        StableDiffusion.load(PIPELINES.resolve(model), SingleFiles.OPTIONS)) {
      whole
          .capability(SingleFileExport.class)
          .orElseThrow()
          .export(file, WriteOptions.defaults(), Map.of());
    }
    return file;
  }

  /** The same file as others write it, without a word about the model in the header. */
  private Path plain(Path file, Consumer<Map<String, TensorSource>> change) throws IOException {
    return SingleFiles.changed(file, temp.resolve("plain.safetensors"), Map.of(), change);
  }

  private static LoadOptions with(String model) {
    return SingleFiles.OPTIONS.component(
        "tokenizer", PIPELINES.resolve(model).resolve("tokenizer"));
  }

  private static TensorSource array(float... values) {
    return new TensorSource() {
      @Override
      public Dtype dtype() {
        return Dtype.F32;
      }

      @Override
      public Shape shape() {
        return new Shape(values.length);
      }

      @Override
      public void writeTo(WritableByteChannel out) throws IOException {
        try (NDManager manager = NDManager.newBaseManager(Golden.device(), "PyTorch")) {
          TensorSource.of(manager.create(values)).writeTo(out);
        }
      }
    };
  }

  @Test
  void tellsWhatAFileIs() throws IOException {
    Path file = sd1;
    // @start region="inspect"
    SingleFile found = SingleFile.inspect(file);
    assertThat(found.family()).isEqualTo(ModelFamily.STABLE_DIFFUSION_1);
    assertThat(found.components()).containsExactly("text_encoder", "unet", "vae");
    assertThat(found.missing()).isEmpty();
    // @end region="inspect"
    assertThat(found.isInpainting()).isFalse();
    assertThat(found.hasAverages()).isFalse();
    assertThat(found.prediction()).contains(PredictionType.EPSILON);
    assertThat(found.metadata()).containsEntry("modelspec.architecture", "stable-diffusion-v1");
    assertThat(found)
        .hasToString(
            "Stable Diffusion 1.x: text_encoder, unet, vae in F32; predicts epsilon, as the file's"
                + " modelspec.prediction_type says");
    assertThat(SingleFile.inspect(sd2).family()).isEqualTo(ModelFamily.STABLE_DIFFUSION_2);
    assertThat(SingleFile.inspect(sd2).prediction()).contains(PredictionType.V_PREDICTION);
  }

  @Test
  void aFileIsOpenedLikeAFolder() throws IOException {
    Path file = sd1;
    Path vae = PIPELINES.resolve("tiny-sd1/vae/diffusion_pytorch_model.safetensors");
    Path tokenizer = PIPELINES.resolve("tiny-sd1/tokenizer");
    // @start region="open"
    LoadOptions options =
        LoadOptions.defaults()
            .component("vae", vae) // in place of the file's own
            .component("tokenizer", tokenizer); // not needed with the published vocabulary
    try (DiffusionModel model = DiffusionPipeline.load(file, options)) {
      assertThat(model.descriptor().name()).isEqualTo("tiny-sd1");
    }
    // @end region="open"
  }

  @Test
  void aFolderIsWrittenAsAFileAndReadAsTheSameModel() throws IOException {
    for (Path file : List.of(sd1, sd2)) {
      String name = file.getFileName().toString().replace(".safetensors", "");
      try (StableDiffusion single = StableDiffusion.load(file, with(name));
          StableDiffusion whole =
              StableDiffusion.load(PIPELINES.resolve(name), SingleFiles.OPTIONS)) {
        Map<String, float[]> expected = SingleFiles.weights(whole);
        Map<String, float[]> actual = SingleFiles.weights(single);
        assertThat(actual.keySet()).isEqualTo(expected.keySet());
        actual.forEach((n, values) -> assertThat(values).as(n).isEqualTo(expected.get(n)));
        assertThat(single.unet().config()).isEqualTo(whole.unet().config());
        assertThat(single.vae().config()).isEqualTo(whole.vae().config());
        assertThat(single.textEncoder().config()).isEqualTo(whole.textEncoder().config());
        assertThat(single.predictionType()).isEqualTo(whole.predictionType());
        assertThat(single.sampler()).isEqualTo(whole.sampler());
      }
    }
  }

  /** The names and shapes that readers of version 2 count on. */
  @Test
  void version2HasTheBlockThatNobodyUses() throws IOException {
    try (Checkpoint checkpoint = Checkpoint.openFile(sd2)) {
      String text = "cond_stage_model.model.";
      assertThat(checkpoint.tensors())
          .containsKeys(text + "transformer.resblocks.23.attn.in_proj_weight");
      assertThat(checkpoint.tensors().get(text + "text_projection").shape())
          .isEqualTo(new Shape(32, 32));
    }
  }

  /** The vocabulary that follows from the merges has the published ids. */
  @Test
  void tokenizersComeWithTheLibrary() throws IOException {
    Path exported = temp.resolve("exported");
    Path vocabulary = temp.resolve("vocabulary");
    LoadOptions options = with("tiny-sd1");
    try (StableDiffusion single = StableDiffusion.load(sd1, options)) {
      assertThat(single.tokenizer().vocabularySize()).isEqualTo(1000);
    }
    assertThatThrownBy(() -> StableDiffusion.load(sd1, SingleFiles.OPTIONS))
        .isInstanceOf(InvalidCheckpointException.class)
        .hasMessageContainingAll("49408 tokens", "was 1000");
    Tokenizers.writeClip(exported, "<|endoftext|>");
    Tokenizers.writeT5(vocabulary);
    try (ClipTokenizer clip = ClipTokenizer.load(exported, 77);
        T5Tokenizer t5 = T5Tokenizer.load(vocabulary, 512);
        T5Tokenizer published = T5Tokenizer.load(FlowGolden.path("t5tok/real"), 512)) {
      assertThat(clip.vocabularySize()).isEqualTo(49408);
      assertThat(Arrays.copyOf(clip.encode("a photo of a cat"), 8))
          .containsExactly(49406, 320, 1125, 539, 320, 2368, 49407, 49407);
      assertThat(clip.ids("jekyll \uD83D\uDC91")).contains(49405);
      assertThat(t5.vocabularySize()).isEqualTo(published.vocabularySize());
      for (String text :
          List.of("a painting by Van Gogh, caf\u00e9", "Tiere \u2192 12,5 %", "\u732b")) {
        assertThat(t5.ids(text)).isEqualTo(published.ids(text));
      }
    }
  }

  /** Rules of ComfyUI and A1111 for versions that no tensor tells apart. */
  @Test
  void thePredictionIsFoundOut() throws IOException {
    Path plain = plain(sd2, tensors -> tensors.put(BIAS, array(-0.05f, 0.05f)));
    assertThat(SingleFile.inspect(plain).prediction()).contains(PredictionType.EPSILON);
    assertThat(SingleFile.inspect(plain).toString()).contains("deviation of a bias is 0.050");
    plain(sd2, tensors -> tensors.put(BIAS, array(-0.2f, 0.2f)));
    assertThat(SingleFile.inspect(plain).prediction()).contains(PredictionType.V_PREDICTION);
    plain(sd2, tensors -> {});
    assertThat(SingleFile.inspect(plain).toString()).contains("as diffusers assumes");
    Path yaml = temp.resolve("plain.yaml");
    Files.writeString(yaml, "model:\n  params:\n    parameterization: \"v\"\n");
    assertThat(SingleFile.inspect(plain).toString()).contains("v_prediction, as plain.yaml says");
    Files.writeString(yaml, "model:\n  params: {}\n");
    assertThat(SingleFile.inspect(plain).prediction()).contains(PredictionType.EPSILON);
    Files.writeString(yaml, "parameterization: x0\n");
    assertThatThrownBy(() -> SingleFile.inspect(plain))
        .hasMessageContainingAll("plain.yaml", "eps or v", "x0");
    Files.delete(yaml);
    plain(sd1, tensors -> tensors.put("v_pred", array(1)));
    assertThat(SingleFile.inspect(plain).prediction()).contains(PredictionType.V_PREDICTION);
    for (PredictionType type : List.of(PredictionType.EPSILON, PredictionType.V_PREDICTION)) {
      try (StableDiffusion model = StableDiffusion.load(plain, with("tiny-sd1").prediction(type))) {
        assertThat(model.predictionType()).isEqualTo(type);
      }
      LoadOptions configured = with("tiny-sd1").config(PIPELINES.resolve("tiny-sd1"));
      try (StableDiffusion model = StableDiffusion.load(plain, configured.prediction(type))) {
        assertThat(model.predictionType()).isEqualTo(type);
      }
    }
  }

  @Test
  void averagesAreTakenWhereTheyAreAskedFor() throws IOException {
    String unet = "model.diffusion_model.";
    Path both =
        plain(
            sd1,
            tensors -> {
              for (String name : List.copyOf(tensors.keySet())) {
                if (name.startsWith(unet)) {
                  String shadow =
                      "model_ema.diffusion_model" + name.substring(unet.length()).replace(".", "");
                  tensors.put(shadow, tensors.get(name));
                }
              }
              tensors.put(unet + "out.2.bias", array(1, 2, 3, 4));
            });
    assertThat(SingleFile.inspect(both).hasAverages()).isTrue();
    assertThat(SingleFile.inspect(both).toString()).contains("averaged weights as well");
    try (StableDiffusion current = StableDiffusion.load(both, with("tiny-sd1"));
        StableDiffusion averages = StableDiffusion.load(both, with("tiny-sd1").ema(true));
        StableDiffusion whole =
            StableDiffusion.load(PIPELINES.resolve("tiny-sd1"), SingleFiles.OPTIONS)) {
      String bias = "unet.conv_out.bias";
      assertThat(SingleFiles.weights(current).get(bias)).containsExactly(1, 2, 3, 4);
      assertThat(SingleFiles.weights(averages).get(bias))
          .isEqualTo(SingleFiles.weights(whole).get(bias));
    }
    assertThatThrownBy(() -> StableDiffusion.load(sd1, with("tiny-sd1").ema(true)))
        .hasMessageContainingAll("LoadOptions.ema", "model_ema.");
    assertThatThrownBy(() ->
            StableDiffusion.load(PIPELINES.resolve("tiny-sd1"), SingleFiles.OPTIONS.ema(true)))
        .hasMessageContainingAll("LoadOptions.ema", "single files");
  }

  @Test
  void aMissingNetworkIsNamedAndMayComeFromElsewhere() throws IOException {
    Path without =
        plain(sd1, tensors -> tensors.keySet().removeIf(n -> n.startsWith("first_stage_model.")));
    assertThat(SingleFile.inspect(without).missing()).containsExactly("vae");
    assertThatThrownBy(() -> StableDiffusion.load(without, with("tiny-sd1")))
        .isInstanceOf(InvalidCheckpointException.class)
        .hasMessageContainingAll(
            without.toString(), "Stable Diffusion 1.x without vae", "component(\"vae\", path)");
    Path vae = PIPELINES.resolve("tiny-sd1/vae");
    Path weights = vae.resolve("diffusion_pytorch_model.safetensors");
    for (Path path : List.of(vae, weights, sd1)) {
      try (StableDiffusion model =
          StableDiffusion.load(without, with("tiny-sd1").component("vae", path))) {
        assertThat(model.vae().config().blockOutChannels()).containsExactly(16, 32, 32);
      }
    }
    assertThatThrownBy(() ->
            StableDiffusion.load(
                without, with("tiny-sd1").component("vae", temp.resolve("nowhere"))))
        .isInstanceOf(NoSuchFileException.class)
        .hasMessageContainingAll("nowhere", "vae");
    assertThatThrownBy(
            () -> StableDiffusion.load(without, with("tiny-sd1").component("vae", without)))
        .hasMessageContainingAll(without.toString(), "must hold the component vae");
    assertThatThrownBy(
            () -> StableDiffusion.load(sd1, with("tiny-sd1").component("text_encoder_9", vae)))
        .hasMessageContainingAll("component of the pipeline", "text_encoder_9");
  }

  @Test
  void aFileOfAnotherFamilyIsTold() throws IOException {
    Pair xl =
        SingleFiles.models().stream()
            .filter(pair -> Files.exists(pair.folder().resolve("unet")))
            .findFirst()
            .orElseThrow();
    assertThatThrownBy(() -> StableDiffusion.load(xl.file(), SingleFiles.OPTIONS))
        .isInstanceOf(InvalidCheckpointException.class)
        .hasMessageContainingAll(
            xl.file().toString(),
            "is a checkpoint of Stable Diffusion XL",
            "StableDiffusionXL.load");
    LoadOptions options = SingleFiles.OPTIONS.config(PIPELINES.resolve("tiny-sd1"));
    assertThatThrownBy(() -> DiffusionPipeline.load(xl.file(), options))
        .hasMessageContainingAll("of Stable Diffusion XL", "is of StableDiffusionPipeline");
    assertThatThrownBy(() -> Flux.load(sd1, SingleFiles.OPTIONS))
        .hasMessageContainingAll("Stable Diffusion 1.x", "StableDiffusion.load");
  }

  @Test
  void inpaintingIsRecognised() throws IOException {
    assertThat(SingleFile.inspect(sd1).isInpainting()).isFalse();
    Map<String, long[]> shapes = new HashMap<>();
    shapes.put("model.diffusion_model.input_blocks.0.0.weight", new long[] {32, 9, 3, 3});
    shapes.put("cond_stage_model.transformer.text_model.encoder.layers.0.x", new long[] {1});
    Path nine = SingleFiles.zeros(temp.resolve("nine.safetensors"), shapes);
    assertThat(SingleFile.inspect(nine).isInpainting()).isTrue();
  }

  @Test
  void theRefinerIsRefused() throws IOException {
    Path refiner =
        SingleFiles.zeros(
            temp.resolve("refiner.safetensors"),
            Map.of(
                "model.diffusion_model.input_blocks.0.0.weight", new long[] {8, 4, 3, 3},
                "conditioner.embedders.0.model.token_embedding.weight", new long[] {9, 8}));
    assertThat(SingleFile.inspect(refiner).family())
        .isEqualTo(ModelFamily.STABLE_DIFFUSION_XL_REFINER);
    assertThatThrownBy(() -> DiffusionPipeline.load(refiner, SingleFiles.OPTIONS))
        .isInstanceOf(InvalidCheckpointException.class)
        .hasMessageContainingAll(refiner.toString(), "refiner", "use the base model");
  }

  @ParameterizedTest
  @CsvSource({
    "double_stream_modulation_img.lin.weight, FLUX.2",
    "model.diffusion_model.transformer_blocks.0.img_mod.1.weight, Qwen-Image",
    "lora_unet_down_blocks_0.lora_down.weight, is a LoRA",
    "unet.down_blocks.0.attn2.to_k.lora_A.weight, is a LoRA",
    "text_model.embeddings.token_embedding.weight, is a text encoder alone",
    "transformer_blocks.0.attn.to_q.weight, is a transformer alone",
    "emb_params, textual-inversion",
    "control_model.input_blocks.0.0.weight, ControlNet",
    "double_blocks.0.img_attn.qkv.scale_weight, quantised",
    "some.thing.else, such as some.thing.else"
  })
  void otherFilesAreRefusedByName(String tensor, String message) throws IOException {
    Path file =
        SingleFiles.zeros(temp.resolve("other.safetensors"), Map.of(tensor, new long[] {2, 2}));
    assertThatThrownBy(() -> DiffusionPipeline.load(file, SingleFiles.OPTIONS))
        .isInstanceOf(InvalidCheckpointException.class)
        .hasMessageContainingAll(file.toString(), message);
  }

  @Test
  void anAutoencoderAloneIsRefused() {
    Path vae = PIPELINES.resolve("tiny-sd1/vae/diffusion_pytorch_model.safetensors");
    assertThatThrownBy(() -> DiffusionPipeline.load(vae, SingleFiles.OPTIONS))
        .hasMessageContainingAll("autoencoder alone", "component(\"vae\", file)");
  }

  @Test
  void aCutFileIsRefused() throws IOException {
    Path cut = Files.copy(sd1, temp.resolve("cut.safetensors"));
    try (FileChannel channel = FileChannel.open(cut, StandardOpenOption.WRITE)) {
      channel.truncate(channel.size() - 1000);
    }
    assertThatThrownBy(() -> DiffusionPipeline.load(cut, SingleFiles.OPTIONS))
        .isInstanceOf(MalformedSafetensorsException.class)
        .hasMessageContaining(cut.toString());
  }

  @ParameterizedTest
  @ValueSource(strings = {"model.ckpt", "model.safetensors"})
  void picklesAreRefusedWithAWayOut(String name) throws IOException {
    Path pickle = temp.resolve(name);
    Files.write(pickle, new byte[] {'P', 'K', 3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
    assertThatThrownBy(() -> DiffusionPipeline.load(pickle, SingleFiles.OPTIONS))
        .isInstanceOf(IOException.class)
        .hasMessageContainingAll(pickle.toString(), "pickle", "save_file");
  }

  @Test
  void nothingOfTheTemporaryFolderRemains() throws IOException {
    Set<String> before = temporary();
    StableDiffusion.load(sd1, with("tiny-sd1")).close();
    assertThatThrownBy(() -> StableDiffusion.load(sd1, SingleFiles.OPTIONS))
        .isInstanceOf(IOException.class);
    assertThat(temporary()).isEqualTo(before);
  }

  private static Set<String> temporary() throws IOException {
    try (Stream<Path> files = Files.list(Path.of(System.getProperty("java.io.tmpdir")))) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> name.startsWith("ablation-single-file"))
          .collect(Collectors.toSet());
    }
  }

  /** A tensor of bytes that are all the same. */
  private static TensorSource bytes(Dtype dtype, Shape shape, int value) {
    return new TensorSource() {
      @Override
      public Dtype dtype() {
        return dtype;
      }

      @Override
      public Shape shape() {
        return shape;
      }

      @Override
      public void writeTo(WritableByteChannel out) throws IOException {
        byte[] all = new byte[Math.toIntExact(shape.size())];
        Arrays.fill(all, (byte) value);
        ByteBuffer left = ByteBuffer.wrap(all);
        while (left.hasRemaining()) {
          out.write(left);
        }
      }
    };
  }

  @ParameterizedTest
  @CsvSource({"F8_E4M3, 0x3C, 1.5", "F8_E5M2, 0x3E, 1.5"})
  void plainFloat8IsWidened(Dtype dtype, String value, float expected) throws IOException {
    String name = "model.diffusion_model.time_embed.0.weight";
    Path file =
        plain(
            sd1,
            tensors ->
                tensors.compute(
                    name, (key, old) -> bytes(dtype, old.shape(), Integer.decode(value))));
    assertThat(SingleFile.inspect(file).toString()).contains(dtype.name());
    try (DiffusionModel model = DiffusionPipeline.load(file, with("tiny-sd1"))) {
      assertThat(model.weights().get("unet.time_embedding.linear_1.weight").toFloatArray())
          .hasSizeGreaterThan(100)
          .containsOnly(expected);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"F8_E4M3FNUZ", "F8_E5M2FNUZ", "F8_E8M0"})
  void otherFloat8IsRefusedByName(String dtype) throws IOException {
    String name = "model.diffusion_model.time_embed.0.weight";
    Path file =
        plain(
            sd1,
            tensors ->
                tensors.compute(
                    name, (key, old) -> bytes(Dtype.valueOf(dtype), old.shape(), 0x38)));
    assertThatThrownBy(() -> DiffusionPipeline.load(file, with("tiny-sd1")).close())
        .isInstanceOf(IOException.class)
        .hasMessageContainingAll(file.toString(), name, dtype);
  }

  @Test
  void aHeaderThatIsNotSoundIsRefused() throws IOException {
    Path file =
        SingleFiles.changed(
            sd1,
            temp.resolve("header.safetensors"),
            Map.of("ablation.configuration", "[]"),
            tensors -> {});
    assertThatThrownBy(() -> StableDiffusion.load(file, with("tiny-sd1")))
        .hasMessageContainingAll(file.toString(), "ablation.configuration", "JSON object");
    JsonObject wrong = new JsonObject();
    wrong.addProperty("unet/config.json", 1);
    SingleFiles.changed(
        sd1, file, Map.of("ablation.configuration", wrong.toString()), tensors -> {});
    assertThatThrownBy(() -> StableDiffusion.load(file, with("tiny-sd1")))
        .hasMessageContainingAll("unet/config.json", "JSON object");
  }
}
