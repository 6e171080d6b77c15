package dev.ablation.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.ablation.delta.WeightDelta;
import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.djl.lora.LoraFile;
import dev.ablation.golden.Golden;
import dev.ablation.model.Conditioning;
import dev.ablation.safetensors.SafetensorsFile;
import dev.ablation.safetensors.SafetensorsWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What only SDXL has: its conditioning, its refusals, LoRA files of two text encoders. */
class StableDiffusionXLTest {
  @TempDir private Path temporary;
  private Path folder;

  @BeforeEach
  void copy() throws IOException {
    folder = temporary.resolve("model");
    String name =
        Golden.allPipelines(Golden.folders("pipelines")).stream()
            .filter(pipeline -> pipeline.className().equals("StableDiffusionXLPipeline"))
            .findFirst()
            .orElseThrow()
            .name();
    PipelineCopy.copy(Golden.path("pipelines/" + name), folder);
  }

  private StableDiffusionXL open() throws IOException {
    return StableDiffusionXL.load(folder, GoldenModels.options());
  }

  private void edit(String file, Consumer<JsonObject> change) throws IOException {
    JsonObject json = Golden.object(folder.resolve(file));
    change.accept(json);
    Files.writeString(folder.resolve(file), json.toString());
  }

  @Test
  void theOtherClassIsNamed() {
    assertThatThrownBy(() -> StableDiffusion.load(folder, GoldenModels.options()))
        .isInstanceOf(InvalidCheckpointException.class)
        .hasMessageContaining("StableDiffusionXL.load");
  }

  @Test
  void theRefinerIsRefused() throws IOException {
    edit(
        "model_index.json",
        json -> json.addProperty("_class_name", "StableDiffusionXLImg2ImgPipeline"));
    open().close(); // the base model, saved by another pipeline
    edit("model_index.json", json -> json.addProperty("requires_aesthetics_score", true));
    assertThatThrownBy(this::open)
        .isInstanceOf(InvalidCheckpointException.class)
        .hasMessageContaining("refiner");
    edit(
        "model_index.json",
        json -> {
          json.remove("requires_aesthetics_score");
          json.add("text_encoder", JsonParser.parseString("[null, null]"));
        });
    assertThatThrownBy(this::open)
        .isInstanceOf(InvalidCheckpointException.class)
        .hasMessageContaining("refiner")
        .hasMessageContaining("use the base model");
  }

  @Test
  void anotherNumberOfSizesIsRefused() throws IOException {
    JsonObject unet = Golden.object(folder.resolve("unet/config.json"));
    int fewer =
        unet.get("projection_class_embeddings_input_dim").getAsInt()
            - unet.get("addition_time_embed_dim").getAsInt();
    edit(
        "unet/config.json",
        json -> json.addProperty("projection_class_embeddings_input_dim", fewer));
    assertThatThrownBy(this::open)
        .isInstanceOf(InvalidCheckpointException.class)
        .hasMessageContaining("projection_class_embeddings_input_dim")
        .hasMessageContaining("refiner");
  }

  @Test
  void zerosForTheEmptyPromptAreTheCheckpointsChoice() throws IOException {
    assertThat(largestOfEmpty()).isZero();
    edit("model_index.json", json -> json.addProperty("force_zeros_for_empty_prompt", false));
    assertThat(largestOfEmpty()).isPositive();
  }

  private double largestOfEmpty() throws IOException {
    try (StableDiffusionXL model = open();
        NDManager scope = model.manager().newSubManager()) {
      Conditioning made = model.encode(List.of("a cat", ""), scope);
      assertThat(made.get(0).textEmbeddings().abs().max().getFloat()).isPositive();
      Conditioning empty = made.get(1);
      return empty.textEmbeddings().abs().max().getFloat()
          + empty.get(Conditioning.POOLED).abs().max().getFloat();
    }
  }

  @Test
  void aMissingConditionIsNamed() throws IOException {
    try (StableDiffusionXL model = open();
        NDManager scope = model.manager().newSubManager()) {
      Conditioning made = model.encode(List.of("a cat"), scope);
      NDArray latents = scope.zeros(new Shape(1, 4, 16, 16));
      NDArray time = scope.create(new long[] {1});
      assertThatIllegalArgumentException()
          .isThrownBy(() -> model.predict(latents, time, new Conditioning(made.textEmbeddings())))
          .withMessageContaining(Conditioning.POOLED)
          .withMessageContaining(Conditioning.TIME_IDS);
    }
  }

  @Test
  void loraFilesOfBothTextEncodersAreReadAndWritten() throws IOException {
    Map<String, String> weights =
        Map.of(
            "lora_te1_text_model_encoder_layers_0_self_attn_q_proj",
            "text_encoder.text_model.encoder.layers.0.self_attn.q_proj.weight",
            "lora_te2_text_model_encoder_layers_0_mlp_fc1",
            "text_encoder_2.text_model.encoder.layers.0.mlp.fc1.weight",
            "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k",
            "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight");
    Path file = temporary.resolve("lora.safetensors");
    Path again = temporary.resolve("again.safetensors");
    try (StableDiffusionXL model = open();
        NDManager scope = model.manager().newSubManager()) {
      Map<String, NDArray> tensors = new LinkedHashMap<>();
      weights.forEach((module, weight) -> {
        Shape shape = model.weights().get(weight).getShape();
        tensors.put(module + ".lora_down.weight", scope.ones(new Shape(2, shape.get(1))));
        tensors.put(module + ".lora_up.weight", scope.ones(new Shape(shape.get(0), 2)));
        tensors.put(module + ".alpha", scope.create(1f));
      });
      SafetensorsWriter.write(file, tensors, Map.of());
      try (WeightDelta delta = LoraFile.load(file, model)) {
        assertThat(delta.names()).containsExactlyInAnyOrderElementsOf(weights.values());
        LoraFile.saveKohya(delta, model, again);
      }
      try (SafetensorsFile written = SafetensorsFile.open(again)) {
        assertThat(written.tensors().keySet()).isEqualTo(tensors.keySet());
      }
    }
  }
}
