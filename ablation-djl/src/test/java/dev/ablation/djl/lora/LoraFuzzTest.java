package dev.ablation.djl.lora;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.delta.DeltaMismatchException;
import dev.ablation.delta.WeightDelta;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.fuzz.Mutator;
import dev.ablation.fuzz.ReaderFuzz;
import dev.ablation.fuzz.Safetensors;
import dev.ablation.safetensors.SafetensorsWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;

class LoraFuzzTest extends ReaderFuzz {
  private static final String KEY = "mid_block.attentions.0.transformer_blocks.0.attn2.to_k";

  @TempDir Path made;

  private StableDiffusion model;

  @BeforeAll
  void open() throws IOException {
    model =
        StableDiffusion.load(
            Path.of(System.getProperty("ablation.golden"), "pipelines", "tiny-sd1"));
  }

  @AfterAll
  void close() {
    model.close();
  }

  @Override
  protected Mutator mutator() {
    return new Safetensors((header, data) -> {});
  }

  @Override
  protected Map<String, List<byte[]>> seeds() throws IOException {
    Shape shape =
        model.weights().list().stream()
            .filter(info -> info.name().equals("unet." + KEY + ".weight"))
            .findFirst()
            .orElseThrow()
            .shape();
    List<byte[]> files = new ArrayList<>();
    String layer = "text_model.encoder.layers.0.self_attn.q_proj";
    Shape text =
        model.weights().list().stream()
            .filter(info -> info.name().equals("text_encoder." + layer + ".weight"))
            .findFirst()
            .orElseThrow()
            .shape();
    try (NDManager scope = model.manager().newSubManager()) {
      NDArray down = scope.randomNormal(new Shape(2, shape.get(1)));
      NDArray up = scope.randomNormal(new Shape(shape.get(0), 2));
      NDArray downOfText = scope.randomNormal(new Shape(2, text.get(1)));
      NDArray upOfText = scope.randomNormal(new Shape(text.get(0), 2));
      Map<String, NDArray> diffusers = new LinkedHashMap<>();
      diffusers.put("unet." + KEY + ".lora_A.weight", down);
      diffusers.put("unet." + KEY + ".lora_B.weight", up);
      diffusers.put("text_encoder." + layer + ".lora_A.default_0.weight", downOfText);
      diffusers.put("text_encoder." + layer + ".lora_B.default_0.weight", upOfText);
      String metadata =
          "{\"unet.r\":2,\"unet.lora_alpha\":4,\"unet.alpha_pattern\":{\".*to_k\":3,\"^mid\":2},"
              + "\"unet.rank_pattern\":{},\"unet.target_modules\":[\"to_k\"],\"unet.bias\":\"none\"}";
      files.add(file(diffusers, Map.of("format", "pt", "lora_adapter_metadata", metadata)));
      String kohya = "lora_unet_" + KEY.replace('.', '_');
      files.add(
          file(
              Map.of(
                  kohya + ".lora_down.weight",
                  down,
                  kohya + ".lora_up.weight",
                  up,
                  kohya + ".alpha",
                  scope.create(1f)),
              Map.of("ss_network_dim", "2", "ss_network_alpha", "1", "ss_v2", "False")));
    }
    return Map.of("lora.safetensors", files);
  }

  private byte[] file(Map<String, NDArray> arrays, Map<String, String> header) throws IOException {
    Path file = made.resolve("seed");
    SafetensorsWriter.write(file, arrays, header);
    byte[] bytes = Files.readAllBytes(file);
    Files.delete(file);
    return bytes;
  }

  @Override
  protected void read(Path folder, String damaged) throws IOException {
    try (WeightDelta delta = LoraFile.load(folder.resolve("lora.safetensors"), model)) {
      delta.applyTo(model).close();
    } catch (DeltaMismatchException e) {
      return; // sound, but for another model
    }
  }
}
