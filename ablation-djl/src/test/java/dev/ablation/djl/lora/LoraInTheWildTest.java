package dev.ablation.djl.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.delta.WeightDelta;
import dev.ablation.djl.DiffusionPipeline;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.djl.dit.SingleFileNames;
import dev.ablation.djl.flux.FluxSingleFile;
import dev.ablation.djl.internal.torchfile.Pickles;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.djl.sd3.SD3SingleFile;
import dev.ablation.golden.Golden;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.LoraFactors;
import dev.ablation.model.WeightInfo;
import dev.ablation.provenance.Provenance;
import dev.ablation.safetensors.Dtype;
import dev.ablation.safetensors.SafetensorsFile;
import dev.ablation.safetensors.SafetensorsWriter;
import dev.ablation.safetensors.WriteOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Files as people exchange them: other tools' names, other adapters, other families. */
class LoraInTheWildTest {
  private static final String MODULE =
      "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k";
  private static final String PLAIN = MODULE.substring("unet.".length());
  private static final int RANK = 3;

  @TempDir Path folder;

  private StableDiffusion model;
  private NDManager scope;

  @BeforeEach
  void open() throws IOException {
    model =
        StableDiffusion.load(
            Path.of(System.getProperty("ablation.golden"), "pipelines", "tiny-sd1"),
            LoadOptions.defaults().device(Golden.device()));
    scope = model.manager().newSubManager();
  }

  @AfterEach
  void close() {
    scope.close();
    model.close();
  }

  private Shape shape() {
    return model.weights().get(MODULE + ".weight").getShape();
  }

  private Map<String, NDArray> pair(String down, String up) {
    Map<String, NDArray> pair = new LinkedHashMap<>();
    pair.put(down, scope.ones(new Shape(RANK, shape().get(1))));
    pair.put(up, scope.ones(new Shape(shape().get(0), RANK)));
    return pair;
  }

  private Path write(Map<String, NDArray> tensors, Map<String, String> header) throws IOException {
    Path file = folder.resolve("file.safetensors");
    SafetensorsWriter.write(file, tensors, header);
    return file;
  }

  private void assertReads(Path file, double value) throws IOException {
    try (WeightDelta delta = LoraFile.load(file, model)) {
      assertThat(delta.names()).containsExactly(MODULE + ".weight");
      float[] expected = {(float) value};
      assertThat(delta.get(MODULE + ".weight").toFloatArray())
          .containsOnly(expected, within(1e-5f));
    }
  }

  // Names

  @ParameterizedTest
  @ValueSource(
      strings = {
        MODULE,
        "diffusion_model.middle_block.1.transformer_blocks.0.attn2.to_k",
        "model.diffusion_model.middle_block.1.transformer_blocks.0.attn2.to_k",
        "lora_unet_middle_block_1_transformer_blocks_0_attn2_to_k",
        "lycoris_mid_block_attentions_0_transformer_blocks_0_attn2_to_k",
        "base_model.model.mid_block.attentions.0.transformer_blocks.0.attn2.to_k",
        "base_model.model.unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k",
        "middle_block.1.transformer_blocks.0.attn2.to_k",
        "mid_block.attentions.0.transformer_blocks.0.attn2.to_k"
      })
  void everyToolsNameIsFound(String module) throws IOException {
    for (String[] ends :
        new String[][] {
          {".lora_A.weight", ".lora_B.weight"},
          {".lora_A.default.weight", ".lora_B.default.weight"},
          {".lora_down.weight", ".lora_up.weight"},
          {".lora.down.weight", ".lora.up.weight"},
          {".lora_linear_layer.down.weight", ".lora_linear_layer.up.weight"},
          {"_lora.down.weight", "_lora.up.weight"}
        }) {
      assertReads(write(pair(module + ends[0], module + ends[1]), Map.of()), RANK);
    }
  }

  @Test
  void alphaMayHaveAnyNumberFormat() throws IOException {
    for (NDArray alpha :
        new NDArray[] {scope.create(6f), scope.create(6L), scope.create(6), scope.create(6.0)}) {
      Map<String, NDArray> tensors =
          pair(
              "lora_unet_" + PLAIN.replace('.', '_') + ".lora_down.weight",
              "lora_unet_" + PLAIN.replace('.', '_') + ".lora_up.weight");
      tensors.put("lora_unet_" + PLAIN.replace('.', '_') + ".alpha", alpha);
      assertReads(write(tensors, Map.of()), 6);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"F16", "BF16"})
  void narrowFloatsAreReadAndWritten(String dtype) throws IOException {
    Path wide = write(pair(MODULE + ".lora_A.weight", MODULE + ".lora_B.weight"), Map.of());
    Dtype floats = Dtype.valueOf(dtype);
    try (WeightDelta delta = LoraFile.load(wide, model);
        WeightDelta scaled = delta.scaledBy(0.3)) {
      LoraFile.save(scaled, folder.resolve("native.safetensors"), floats);
      LoraFile.saveKohya(scaled, model, folder.resolve("kohya.safetensors"), floats);
    }
    for (String name : new String[] {"native.safetensors", "kohya.safetensors"}) {
      try (SafetensorsFile file = SafetensorsFile.open(folder.resolve(name));
          WeightDelta delta = LoraFile.load(folder.resolve(name), model)) {
        assertThat(file.tensors().values().stream().map(tensor -> tensor.dtype()))
            .contains(floats)
            .doesNotContain(Dtype.F32);
        float[] expected = {0.9f};
        assertThat(delta.get(MODULE + ".weight").toFloatArray())
            .as(name)
            .containsOnly(expected, within(name.startsWith("native") ? 1e-6f : 4e-3f));
      }
    }
  }

  @Test
  void picklesOfTheFirstToolsAreReadWithoutRunningThem() throws IOException {
    Path file = folder.resolve("pytorch_lora_weights.bin");
    String processor = PLAIN.replace("attn2.", "attn2.processor.") + "_lora.";
    Pickles.write(file, pair(processor + "down.weight", processor + "up.weight"));
    assertReads(file, RANK);
  }

  @Test
  void peftsConfigurationBesideTheFileHasAlpha() throws IOException {
    String module = "base_model.model." + PLAIN;
    Path file = folder.resolve("adapter_model.safetensors");
    SafetensorsWriter.write(
        file, pair(module + ".lora_A.weight", module + ".lora_B.weight"), Map.of());
    assertReads(file, RANK);
    Path config = folder.resolve("adapter_config.json");
    Files.writeString(config, "{\"peft_type\": \"LORA\", \"r\": 3, \"lora_alpha\": 12}");
    assertReads(file, 12);
    Files.writeString(
        config, "{\"r\": 3, \"lora_alpha\": 1, \"alpha_pattern\": {\"attn2.to_k\": 9}}");
    assertReads(file, 9);
    Files.writeString(config, "{");
    assertThatIOException()
        .isThrownBy(() -> LoraFile.load(file, model))
        .withMessageContaining("adapter_config.json");
  }

  // Other adapters

  @ParameterizedTest
  @CsvSource({
    ".hada_w1_a, LoHa",
    ".hada_w2_b, LoHa",
    ".hada_t1, LoHa",
    ".lokr_w1, LoKr",
    ".lokr_w2_a, LoKr",
    ".lokr_t2, LoKr",
    ".dora_scale, DoRA",
    ".lora_magnitude_vector, DoRA",
    ".lora_magnitude_vector.default.weight, DoRA",
    ".a1.weight, GLoRA",
    ".b2.weight, GLoRA",
    ".on_input, (IA)3",
    ".ia3_l, (IA)3",
    ".oft_blocks, OFT",
    ".oft_diag, OFT",
    ".oft_R.default.weight, OFT",
    ".boft_R, BOFT",
    ".vera_lambda_b, VeRA",
    ".lora_mid.weight, LoCon with a core",
    ".diff, differences in full",
    ".diff_b, differences in full",
    ".w_norm, norms",
    ".lora_B.bias, LoRA with biases",
    ".lora_embedding_A, LoRA of embeddings",
    ".scale, a scale in place of alpha",
    ".processor.qkv_lora1.down.weight, x-labs",
    ".processor.proj_lora2.up.weight, x-labs",
    ".processor.qkv_lora.up.weight, x-labs",
  })
  void otherAdaptersAreNamed(String tensor, String kind) throws IOException {
    String kohya = "lora_unet_" + PLAIN.replace('.', '_');
    for (String module : new String[] {MODULE, kohya}) {
      Map<String, NDArray> tensors = pair(module + ".lora_down.weight", module + ".lora_up.weight");
      tensors.put(module + tensor, scope.ones(new Shape(1)));
      Path file = write(tensors, Map.of());
      assertThatIOException()
          .isThrownBy(() -> LoraFile.load(file, model))
          .withMessageStartingWith(file + ": ")
          .withMessageContainingAll(kind, module + tensor, "cannot be read");
    }
  }

  // Other families

  @ParameterizedTest
  @CsvSource({
    "lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_k, 2048, Stable Diffusion XL",
    "unet.down_blocks.1.attentions.0.transformer_blocks.1.attn2.to_k, 2048, Stable Diffusion XL",
    "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k, 768, Stable Diffusion 1.x",
    "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_v, 1024, Stable Diffusion 2.x",
    "lora_te2_text_model_encoder_layers_0_mlp_fc1, 1280, Stable Diffusion XL",
    "lora_unet_double_blocks_0_img_attn_qkv, 3072, FLUX.1",
    "transformer.single_transformer_blocks.0.attn.to_q, 3072, FLUX.1",
    "lora_unet_joint_blocks_0_x_block_attn_qkv, 1536, Stable Diffusion 3",
    "transformer.transformer_blocks.0.attn.add_k_proj, 1536, Stable Diffusion 3",
  })
  void theFamilyThatAFileIsForIsNamed(String module, int width, String family) throws IOException {
    Map<String, NDArray> tensors = new LinkedHashMap<>();
    tensors.put(module + ".lora_down.weight", scope.ones(new Shape(RANK, width)));
    tensors.put(module + ".lora_up.weight", scope.ones(new Shape(32, RANK)));
    Path file = write(tensors, Map.of());
    assertThatIOException()
        .isThrownBy(() -> LoraFile.load(file, model))
        .withMessageStartingWith(file + ": ")
        .withMessageContaining("the file looks like a LoRA for " + family)
        .withMessageContaining("the model is a UNet whose text has 32 numbers a token");
  }

  @Test
  void theHeaderNamesTheFamilyWhereNamesDoNot() throws IOException {
    Path file =
        write(
            Map.of("lora_unet_blocks_0_x.lora_down.weight", scope.ones(new Shape(1, 1))),
            Map.of("modelspec.architecture", "wan2.1/lora"));
    assertThatIOException()
        .isThrownBy(() -> LoraFile.load(file, model))
        .withMessageContaining("looks like a LoRA for 'wan2.1/lora'");
  }

  // Transformers

  private record Names(SingleFileNames names, String prefix) {}

  private static Names names(DiffusionModel transformer) {
    Set<String> blocks = new TreeSet<>();
    boolean flux = false;
    for (WeightInfo info : transformer.weights().list()) {
      flux |= info.name().startsWith("transformer.single_transformer_blocks.");
      if (info.name().startsWith("transformer.transformer_blocks.")) {
        blocks.add(info.name().split("\\.")[2]);
      }
    }
    return flux
        ? new Names(FluxSingleFile.transformer(), "")
        : new Names(SD3SingleFile.transformer(blocks.size()), "");
  }

  /** Files with the names of the original code, which keeps projections together. */
  @ParameterizedTest
  @ValueSource(strings = {"tiny-flux-dev", "tiny-sd3", "tiny-sd35"})
  void projectionsThatAFileKeepsTogetherAreSplit(String pipeline) throws IOException {
    Path path = Path.of(System.getProperty("ablation.golden2"), "pipelines", pipeline);
    try (DiffusionModel transformer =
            DiffusionPipeline.load(path, LoadOptions.defaults().device(Golden.device()));
        NDManager owner = transformer.manager().newSubManager()) {
      SingleFileNames names = names(transformer).names();
      Map<String, Long> rows = new LinkedHashMap<>();
      Map<String, Long> inputs = new LinkedHashMap<>();
      for (WeightInfo info : transformer.weights().list()) {
        if (isMap(info)) {
          for (SingleFileNames.Part part : names.parts(plain(info))) {
            rows.merge(
                part.tensor(),
                info.shape().get(0)
                    * part.of()
                    / names.parts(plain(info)).stream().mapToInt(p -> p.to() - p.from()).sum(),
                Math::max);
            inputs.put(part.tensor(), info.shape().get(1));
          }
        }
      }
      assertThat(rows).isNotEmpty();
      for (String prefix : new String[] {"diffusion_model.", "lora_unet_", ""}) {
        Map<String, NDArray> tensors = new LinkedHashMap<>();
        rows.forEach((tensor, count) -> {
          String module = tensor.substring(0, tensor.length() - ".weight".length());
          String name = prefix + (prefix.endsWith("_") ? module.replace('.', '_') : module);
          tensors.put(
              name + ".lora_A.weight", owner.randomNormal(new Shape(RANK, inputs.get(tensor))));
          tensors.put(name + ".lora_B.weight", owner.randomNormal(new Shape(count, RANK)));
        });
        Path file = folder.resolve("lora" + prefix + ".safetensors");
        SafetensorsWriter.write(file, tensors, Map.of(), WriteOptions.defaults());
        try (WeightDelta delta = LoraFile.load(file, transformer)) {
          for (WeightInfo info : transformer.weights().list()) {
            if (isMap(info)) {
              assertRows(delta, info, names, prefix, tensors);
            }
          }
        }
      }
    }
  }

  private static boolean isMap(WeightInfo info) {
    return info.component().equals("transformer")
        && info.name().endsWith(".weight")
        && info.shape().dimension() == 2;
  }

  private static String plain(WeightInfo info) {
    return info.name().substring("transformer.".length());
  }

  private static void assertRows(
      WeightDelta delta,
      WeightInfo info,
      SingleFileNames names,
      String prefix,
      Map<String, NDArray> tensors) {
    int at = 0;
    for (SingleFileNames.Part part : names.parts(plain(info))) {
      String module = part.tensor().substring(0, part.tensor().length() - ".weight".length());
      String name = prefix + (prefix.endsWith("_") ? module.replace('.', '_') : module);
      NDArray product =
          tensors.get(name + ".lora_B.weight").matMul(tensors.get(name + ".lora_A.weight"));
      long share = product.getShape().get(0) / part.of();
      NDArray expected = product.get(share * part.from() + ":" + share * part.to());
      int count = (int) expected.getShape().get(0);
      assertThat(delta.get(info.name()).get(at + ":" + (at + count)).toFloatArray())
          .as(info.name())
          .containsExactly(expected.toFloatArray(), within(1e-5f));
      at += count;
    }
    assertThat((long) at).isEqualTo(info.shape().get(0));
  }

  /** ComfyUI knows a transformer's modules by diffusers' names under this prefix. */
  @ParameterizedTest
  @ValueSource(strings = {"tiny-flux-schnell", "tiny-sd3"})
  void transformersAreWrittenUnderTheirOwnPrefix(String pipeline) throws IOException {
    Path path = Path.of(System.getProperty("ablation.golden2"), "pipelines", pipeline);
    try (DiffusionModel transformer =
        DiffusionPipeline.load(path, LoadOptions.defaults().device(Golden.device()))) {
      Map<String, LoraFactors> changes = new LinkedHashMap<>();
      for (WeightInfo info : transformer.weights().list()) {
        if (info.name().matches(".*(attn\\.to_k|self_attn\\.q_proj|SelfAttention\\.q)\\.weight")) {
          changes.put(
              info.name(),
              new LoraFactors(
                  scope.ones(LoraFactors.downShape(info.shape(), 1)),
                  scope.ones(LoraFactors.upShape(info.shape(), 1)),
                  1));
        }
      }
      Provenance provenance = new Provenance("1", "tiny", "0", Map.of(), Map.of(), Map.of());
      Path file = folder.resolve("kohya.safetensors");
      try (WeightDelta delta = WeightDelta.ofLowRank(changes, scope, provenance)) {
        LoraFile.saveKohya(delta, transformer, file);
        try (SafetensorsFile read = SafetensorsFile.open(file);
            WeightDelta again = LoraFile.load(file, transformer)) {
          assertThat(again.names()).containsExactlyInAnyOrderElementsOf(changes.keySet());
          assertThat(read.tensors().keySet())
              .contains("lora_transformer_transformer_blocks_0_attn_to_k.lora_down.weight")
              .allMatch(name -> name.matches("lora_(transformer|te[123])_.*"));
        }
      }
    }
  }
}
