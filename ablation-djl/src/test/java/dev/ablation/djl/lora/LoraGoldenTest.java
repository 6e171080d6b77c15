package dev.ablation.djl.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.DynamicContainer.dynamicContainer;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.ablation.delta.WeightDelta;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.model.Conditioning;
import dev.ablation.safetensors.SafetensorsFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestInstance;

/**
 * LoRA files in every spelling, by the weights and outputs that diffusers computed. Each file of a
 * set has the same product.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class LoraGoldenTest {
  private static final Path GOLDEN = Path.of(System.getProperty("ablation.golden"));
  private static final Path LORA = GOLDEN.resolve("formats").resolve("lora");

  /** The base of all sets, as the README of the formats says. */
  private static final String BASE = "tiny-sd1";

  private static final String MERGED = "merged.safetensors";
  private static final float MERGED_TOLERANCE = 1e-6f;
  private static final float OUTPUT_TOLERANCE = 1e-4f;

  private StableDiffusion model;
  private SafetensorsFile io;
  private JsonObject sets;

  @BeforeAll
  void open() throws IOException {
    model =
        StableDiffusion.load(
            GOLDEN.resolve("pipelines").resolve(BASE),
            LoadOptions.defaults().device(Device.fromName(System.getProperty("ablation.device"))));
    io = SafetensorsFile.open(LORA.resolve("io.safetensors"));
    sets =
        JsonParser.parseString(Files.readString(LORA.resolve("expected.json")))
            .getAsJsonObject()
            .getAsJsonObject("sets");
  }

  @AfterAll
  void close() throws IOException {
    io.close();
    model.close();
  }

  @TestFactory
  Stream<DynamicNode> sets() throws IOException {
    List<DynamicNode> nodes = new ArrayList<>();
    nodes.add(dynamicTest("base", this::base));
    Set<String> compared = new TreeSet<>();
    for (String set : sets.keySet()) {
      List<DynamicNode> tests = new ArrayList<>();
      try (Stream<Path> files = Files.list(LORA.resolve(set))) {
        for (Path file : files.sorted().toList()) {
          String name = file.getFileName().toString();
          if (!name.equals(MERGED)) {
            tests.add(dynamicTest(name, () -> check(set, file, compared)));
          }
        }
      }
      assertThat(tests).as("files of set %s", set).isNotEmpty();
      nodes.add(dynamicContainer(set, tests));
    }
    nodes.add(dynamicTest("every output was compared", () -> allCompared(compared)));
    return nodes.stream();
  }

  private void base() throws IOException {
    try (NDManager scope = model.manager().newSubManager()) {
      compareOutput("unet_out.base", predict(scope), scope);
      compareOutput("te_last_hidden.base", lastHidden(scope), scope);
    }
  }

  private void allCompared(Set<String> compared) {
    Set<String> expected = new TreeSet<>(io.tensors().keySet());
    expected.removeIf(name -> !name.contains(".") || name.endsWith(".base"));
    assertThat(compared).isEqualTo(expected);
  }

  private void check(String set, Path file, Set<String> compared) throws IOException {
    JsonObject about = sets.getAsJsonObject(set);
    boolean textAlone = file.getFileName().toString().contains("text-encoder-only");
    String before = model.weights().sha256();
    try (WeightDelta read = LoraFile.load(file, model);
        WeightDelta delta = read.scaledBy(missingScale(about, file));
        SafetensorsFile merged = SafetensorsFile.open(LORA.resolve(set).resolve(MERGED));
        NDManager scope = model.manager().newSubManager()) {
      assertThat(read.isLowRank()).isTrue();
      if (!file.getFileName().toString().contains("mixed")) {
        read.names()
            .forEach(name ->
                assertThat(read.lowRank(name).orElseThrow().rank())
                    .isEqualTo(about.get("rank").getAsInt()));
      }
      Set<String> weights = new HashSet<>();
      for (String tensor : merged.tensors().keySet()) {
        String[] parts = tensor.split("\\.(?=unet\\.|text_encoder\\.)", 2);
        if (textAlone && !parts[1].startsWith("text_encoder.")) {
          continue;
        }
        double strength = Double.parseDouble(parts[0].substring("scale".length()));
        try (WeightDelta scaled = delta.scaledBy(strength)) {
          float[] actual =
              scaled.applied(model, () -> model.weights().get(parts[1]).toFloatArray());
          assertThat(actual)
              .as(tensor)
              .containsExactly(
                  merged.readFloat32(tensor, scope).toFloatArray(), within(MERGED_TOLERANCE));
        }
        weights.add(parts[1]);
      }
      assertThat(delta.names()).containsAll(weights);
      for (String output : io.tensors().keySet()) {
        String[] parts = output.split("\\.", 3);
        boolean text = parts[0].equals("te_last_hidden");
        if (parts.length == 3 && parts[1].equals(set) && (text || !textAlone)) {
          double strength = Double.parseDouble(parts[2].substring("scale".length()));
          try (WeightDelta scaled = delta.scaledBy(strength)) {
            NDArray actual = scaled.applied(model, () -> text ? lastHidden(scope) : predict(scope));
            compareOutput(output, actual, scope);
          }
          compared.add(output);
        }
      }
    }
    assertThat(model.weights().sha256()).isEqualTo(before);
  }

  /** What a file cannot tell: old spellings have neither alpha nor a configuration. */
  private static double missingScale(JsonObject about, Path file) throws IOException {
    try (SafetensorsFile tensors = SafetensorsFile.open(file)) {
      boolean told =
          tensors.metadata().containsKey(AdapterMetadata.KEY)
              || tensors.tensors().keySet().stream().anyMatch(name -> name.endsWith(".alpha"));
      return told ? 1 : about.get("scale").getAsDouble();
    }
  }

  private void compareOutput(String name, NDArray actual, NDManager scope) throws IOException {
    NDArray expected = io.readFloat32(name, scope);
    assertThat(actual.getShape()).isEqualTo(expected.getShape());
    assertThat(actual.toFloatArray())
        .as(name)
        .containsExactly(expected.toFloatArray(), within(OUTPUT_TOLERANCE));
  }

  private NDArray predict(NDManager scope) {
    return model.predict(
        read("sample", scope),
        read("timestep", scope),
        new Conditioning(read("encoder_hidden_states", scope)));
  }

  private NDArray lastHidden(NDManager scope) {
    return GradMode.with(
        false, () -> model.textEncoder().applyAll(new NDList(read("input_ids", scope))).get(0));
  }

  private NDArray read(String name, NDManager scope) {
    try {
      return io.read(name, scope);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}
