package dev.ablation.djl.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.delta.WeightDelta;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.Linear;
import dev.ablation.djl.nn.NamedWeights;
import dev.ablation.golden.Golden;
import dev.ablation.model.AttentionProjection;
import dev.ablation.model.AttentionProjection.Projection;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.Lora;
import dev.ablation.model.LoraFactors;
import dev.ablation.model.ModelDescriptor;
import dev.ablation.model.WeightInfo;
import dev.ablation.model.WeightRole;
import dev.ablation.provenance.Provenance;
import dev.ablation.safetensors.SafetensorsFile;
import dev.ablation.safetensors.SafetensorsWriter;
import dev.ablation.schedule.PredictionType;
import java.io.IOException;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** LoRA files of models with several text encoders, and of transformers. */
class LoraOfOtherModelsTest {
  private static final int TEXT_WIDTH = 2048;

  @TempDir Path folder;
  private NDManager manager;

  @BeforeEach
  void open() {
    manager = NDManager.newBaseManager(Golden.device(), "PyTorch");
  }

  @AfterEach
  void close() {
    manager.close();
  }

  private static final class Denoiser extends Layer {
    Denoiser() {
      child(
          "blocks.0.attn2.to_k",
          new Linear(TEXT_WIDTH, 3, false),
          AttentionProjection.cross(Projection.KEY));
      child("blocks.0.proj_in", new Linear(2, 3));
    }

    @Override
    protected NDList call(NDList in) {
      return in;
    }
  }

  private static final class Text extends Layer {
    Text() {
      child("text_model.layers.0.self_attn.q_proj", new Linear(4, 4));
    }

    @Override
    protected NDList call(NDList in) {
      return in;
    }
  }

  /** Weights alone: no more is needed to read and write LoRA files. */
  private DiffusionModel model(String denoiser) {
    NamedWeights weights =
        new NamedWeights()
            .add(denoiser, new Denoiser(), WeightRole.DENOISER)
            .add("text_encoder", new Text(), WeightRole.TEXT_ENCODER)
            .add("text_encoder_2", new Text(), WeightRole.TEXT_ENCODER);
    ModelDescriptor descriptor = new ModelDescriptor("tiny", 4, 8, 8, manager.getDevice());
    return (DiffusionModel)
        Proxy.newProxyInstance(
            getClass().getClassLoader(),
            new Class<?>[] {DiffusionModel.class},
            (proxy, method, arguments) ->
                switch (method.getName()) {
                  case "weights" -> weights;
                  case "manager" -> manager;
                  case "newScope" -> manager.newSubManager();
                  case "descriptor" -> descriptor;
                  case "predictionType" -> PredictionType.EPSILON;
                  default -> throw new UnsupportedOperationException(method.getName());
                });
  }

  private WeightDelta delta(DiffusionModel model) {
    Map<String, LoraFactors> changes = new LinkedHashMap<>();
    for (WeightInfo info : model.weights().list()) {
      if (info.shape().dimension() == 2) {
        LoraFactors start = Lora.rank(2).alpha(3).initial(info, 1, manager);
        NDArray up = manager.randomNormal(start.up().getShape());
        changes.put(info.name(), new LoraFactors(start.down(), up, start.scale()));
      }
    }
    return WeightDelta.ofLowRank(
        changes, manager, new Provenance("1", "tiny", "0", Map.of(), Map.of(), Map.of()));
  }

  private static void assertSame(WeightDelta actual, WeightDelta expected) {
    assertThat(actual.names()).containsExactlyInAnyOrderElementsOf(expected.names());
    for (String name : expected.names()) {
      LoraFactors mine = actual.lowRank(name).orElseThrow();
      LoraFactors theirs = expected.lowRank(name).orElseThrow();
      assertThat(mine.scale()).isEqualTo(theirs.scale());
      assertThat(mine.down().toFloatArray()).isEqualTo(theirs.down().toFloatArray());
      assertThat(mine.up().toFloatArray()).isEqualTo(theirs.up().toFloatArray());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"unet", "transformer"})
  void bothSpellingsComeBack(String denoiser) throws IOException {
    DiffusionModel model = model(denoiser);
    try (WeightDelta delta = delta(model)) {
      assertThat(delta.names()).hasSize(4);
      LoraFile.save(delta, folder.resolve("native.safetensors"));
      LoraFile.saveKohya(delta, model, folder.resolve("kohya.safetensors"));
      for (String file : new String[] {"native", "kohya"}) {
        try (WeightDelta read = LoraFile.load(folder.resolve(file + ".safetensors"), model)) {
          assertSame(read, delta);
        }
      }
    }
  }

  @Test
  void theHeaderOfTheOtherSpellingNamesTheFamily() throws IOException {
    DiffusionModel model = model("unet");
    Path path = folder.resolve("kohya.safetensors");
    try (WeightDelta delta = delta(model)) {
      LoraFile.saveKohya(delta, model, path);
    }
    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      assertThat(file.metadata()).containsEntry("ss_base_model_version", "sdxl_base_v1-0");
      assertThat(file.tensors())
          .containsKey("lora_te1_text_model_layers_0_self_attn_q_proj.lora_up.weight")
          .containsKey("lora_te2_text_model_layers_0_self_attn_q_proj.lora_down.weight")
          .containsKey("lora_unet_blocks_0_attn2_to_k.alpha");
    }
  }

  @ParameterizedTest
  @CsvSource({
    "unet, lora_te2_text_model_layers_0_self_attn_q_proj,"
        + " text_encoder_2.text_model.layers.0.self_attn.q_proj",
    "unet, lora_te1_text_model_layers_0_self_attn_q_proj,"
        + " text_encoder.text_model.layers.0.self_attn.q_proj",
    "unet, text_encoder_2.layers.0.self_attn.q_proj,"
        + " text_encoder_2.text_model.layers.0.self_attn.q_proj",
    "transformer, lora_transformer_blocks_0_proj_in, transformer.blocks.0.proj_in",
    "transformer, lora_unet_blocks_0_proj_in, transformer.blocks.0.proj_in",
    "transformer, blocks.0.attn2.processor.to_k, transformer.blocks.0.attn2.to_k",
  })
  void everyComponentIsFound(String denoiser, String spelled, String module) {
    LoraKeys keys = new LoraKeys(model(denoiser).weights());
    assertThat(keys.parse(spelled + ".lora_down.weight"))
        .contains(new LoraKeys.Key(module, LoraKeys.Kind.DOWN));
  }

  @Test
  void aComponentThatTheModelDoesNotHaveIsNamed() throws IOException {
    Path file = folder.resolve("other.safetensors");
    SafetensorsWriter.write(
        file, Map.of("lora_te3_x.lora_down.weight", manager.zeros(new Shape(1, 1))), Map.of());
    assertThatThrownBy(() -> LoraFile.load(file, model("unet")))
        .isInstanceOf(IOException.class)
        .hasMessageContainingAll(file.toString(), "lora_te3_x");
  }
}
