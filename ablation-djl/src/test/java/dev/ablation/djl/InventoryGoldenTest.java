package dev.ablation.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import ai.djl.ndarray.types.Shape;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.ablation.djl.clip.ClipTextConfig;
import dev.ablation.djl.clip.ClipTextModel;
import dev.ablation.djl.load.JsonConfig;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.unet.UNet2DConditionModel;
import dev.ablation.djl.unet.UNetConfig;
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

/** Golden part H: names and shapes of the networks that real configurations describe. */
class InventoryGoldenTest {
  /** {@code <model>.<part>.json}. */
  private static final Pattern INVENTORY =
      Pattern.compile("(.+)\\.(unet|vae|text_encoder|text_encoder_2)\\.json");

  /** Models that the library does not read: two text encoders, added embeddings. */
  private static final String LEFT_OUT_MODEL = "sdxl";

  /** Files that are no inventory: the names of single-file checkpoints, which it does not read. */
  private static final String LEFT_OUT_FILE = "sd1_ldm_to_diffusers.json";

  @TestFactory
  Stream<DynamicTest> inventories(@TempDir Path folder) throws IOException {
    List<DynamicTest> tests = new ArrayList<>();
    try (Stream<Path> files = Files.list(Golden.path("H_inventory"))) {
      for (Path file : files.sorted().toList()) {
        String name = file.getFileName().toString();
        Matcher inventory = INVENTORY.matcher(name);
        if (name.equals(LEFT_OUT_FILE)
            || inventory.matches() && inventory.group(1).equals(LEFT_OUT_MODEL)) {
          continue;
        }
        tests.add(
            dynamicTest(
                name,
                () -> {
                  assertThat(name).matches(INVENTORY);
                  check(Golden.object(file), inventory.group(2), folder.resolve(name));
                }));
      }
    }
    assertThat(tests).as("inventories").isNotEmpty();
    return tests.stream();
  }

  private static void check(JsonObject golden, String part, Path configFile) throws IOException {
    Map<String, Shape> expected = new TreeMap<>();
    golden
        .getAsJsonObject("tensors")
        .asMap()
        .forEach((name, shape) -> expected.put(name, shape(shape)));
    assertThat(expected).hasSize(golden.get("tensor_count").getAsInt()).isNotEmpty();

    Files.writeString(configFile, golden.getAsJsonObject("config").toString());
    Map<String, Shape> actual = new TreeMap<>();
    network(part, JsonConfig.read(configFile))
        .forEachWeight((name, weight) -> actual.put(name, weight.shape()));
    assertThat(actual).isEqualTo(expected);
    assertThat(actual.values().stream().mapToLong(Shape::size).sum())
        .isEqualTo(golden.get("parameter_count").getAsLong());
  }

  private static Layer network(String part, JsonConfig config) throws IOException {
    return switch (part) {
      case "unet" -> new UNet2DConditionModel(UNetConfig.of(config));
      case "vae" -> new AutoencoderKL(VaeConfig.of(config));
      case "text_encoder" -> new ClipTextModel(ClipTextConfig.of(config));
      default -> throw new AssertionError("the library has no network for " + part);
    };
  }

  private static Shape shape(JsonElement json) {
    return new Shape(
        json.getAsJsonArray().asList().stream().mapToLong(JsonElement::getAsLong).toArray());
  }
}
