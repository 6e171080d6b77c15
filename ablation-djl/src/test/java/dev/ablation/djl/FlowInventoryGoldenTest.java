package dev.ablation.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import ai.djl.ndarray.types.Shape;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.ablation.djl.clip.ClipTextConfig;
import dev.ablation.djl.clip.ClipTextModel;
import dev.ablation.djl.flux.FluxTransformer2DModel;
import dev.ablation.djl.flux.FluxTransformerConfig;
import dev.ablation.djl.load.JsonConfig;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.sd3.SD3Transformer2DModel;
import dev.ablation.djl.sd3.SD3TransformerConfig;
import dev.ablation.djl.t5.T5Config;
import dev.ablation.djl.t5.T5EncoderModel;
import dev.ablation.djl.vae.AutoencoderKL;
import dev.ablation.djl.vae.VaeConfig;
import dev.ablation.golden.Golden;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** Second golden set: names and shapes of the networks that real configurations describe. */
class FlowInventoryGoldenTest {
  /** {@code <model>.<part>.json} of the families that are trained by flow matching. */
  private static final Pattern INVENTORY =
      Pattern.compile(
          "((?:sd3|flux|t5).*)\\.(transformer|vae|text_encoder|text_encoder_2|encoder)\\.json");

  @TestFactory
  Stream<DynamicTest> inventories(@TempDir Path folder) throws IOException {
    List<DynamicTest> tests = new ArrayList<>();
    try (Stream<Path> files = Files.list(FlowGolden.path("inventory"))) {
      for (Path file : files.sorted().toList()) {
        String name = file.getFileName().toString();
        Matcher inventory = INVENTORY.matcher(name);
        if (inventory.matches()) {
          tests.add(
              dynamicTest(
                  name,
                  () ->
                      check(
                          Golden.object(file),
                          inventory.group(1),
                          inventory.group(2),
                          folder.resolve(name))));
        }
      }
    }
    assertThat(tests).as("inventories").isNotEmpty();
    return tests.stream();
  }

  private static void check(JsonObject golden, String model, String part, Path configFile)
      throws IOException {
    Map<String, Shape> expected = new TreeMap<>();
    golden
        .getAsJsonObject("tensors")
        .asMap()
        .forEach((name, shape) -> expected.put(name, shape(shape)));
    assertThat(expected).hasSize(golden.get("tensor_count").getAsInt()).isNotEmpty();

    Files.writeString(configFile, golden.getAsJsonObject("config").toString());
    JsonConfig config = JsonConfig.read(configFile);
    Map<String, Shape> actual = new TreeMap<>();
    network(model, part, config, expected.containsKey("text_projection.weight"))
        .forEachWeight((name, weight) -> actual.put(name, weight.shape()));
    assertThat(actual).isEqualTo(expected);
    assertThat(actual.values().stream().mapToLong(Shape::size).sum())
        .isEqualTo(golden.get("value_count").getAsLong());
  }

  private static Layer network(String model, String part, JsonConfig config, boolean withProjection)
      throws IOException {
    return switch (part) {
      case "transformer" ->
          model.startsWith("flux")
              ? new FluxTransformer2DModel(FluxTransformerConfig.of(config))
              : new SD3Transformer2DModel(SD3TransformerConfig.of(config));
      case "vae" -> new AutoencoderKL(VaeConfig.of(config));
      case "encoder" -> new T5EncoderModel(T5Config.of(config));
      default ->
          new ClipTextModel(
              ClipTextConfig.of(config), withProjection ? config.requireInt("projection_dim") : 0);
    };
  }

  private static Shape shape(JsonElement json) {
    return new Shape(
        json.getAsJsonArray().asList().stream().mapToLong(JsonElement::getAsLong).toArray());
  }
}
