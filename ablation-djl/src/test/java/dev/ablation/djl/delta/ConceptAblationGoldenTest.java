package dev.ablation.djl.delta;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDManager;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.ablation.delta.WeightDelta;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.golden.Golden;
import dev.ablation.safetensors.SafetensorsFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The published code's deltas of one ablation, in its spellings. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ConceptAblationGoldenTest {
  private static final Path GOLDEN = Path.of(System.getProperty("ablation.golden"));
  private static final Path DELTA = GOLDEN.resolve("formats").resolve("delta");

  /** A difference in float32, added again: a unit in the last place of a weight of about 1. */
  private static final float TOLERANCE = 2.5e-7f;

  private StableDiffusion model;

  @BeforeAll
  void open() throws IOException {
    model =
        StableDiffusion.load(
            GOLDEN.resolve("pipelines").resolve("tiny-sd1"),
            LoadOptions.defaults().device(Golden.device()));
  }

  @AfterAll
  void close() {
    model.close();
  }

  @ParameterizedTest
  @ValueSource(strings = {"delta.bin", "delta_000001.ckpt", "delta.safetensors"})
  void theWeightsAreThoseOfTheFile(String name) throws IOException {
    String before = model.weights().sha256();
    try (WeightDelta delta = ConceptAblationFile.load(DELTA.resolve(name), model);
        SafetensorsFile expected = SafetensorsFile.open(DELTA.resolve("delta.safetensors"));
        NDManager scope = model.manager().newSubManager()) {
      assertThat(delta.names())
          .containsExactlyInAnyOrderElementsOf(expected.tensors().keySet())
          .isNotEmpty();
      assertThat(delta.provenance().baseSha256()).isEqualTo(before);
      for (String weight : delta.names()) {
        float[] now = delta.applied(model, () -> model.weights().get(weight).toFloatArray());
        assertThat(now)
            .as(weight)
            .containsExactly(expected.readFloat32(weight, scope).toFloatArray(), within(TOLERANCE));
      }
    }
    assertThat(model.weights().sha256()).isEqualTo(before);
  }

  @Test
  void theTableOfNamesIsComplete() throws IOException {
    JsonObject names =
        JsonParser.parseString(Files.readString(DELTA.resolve("names.json"))).getAsJsonObject();
    try (WeightDelta delta = ConceptAblationFile.load(DELTA.resolve("delta_000001.ckpt"), model)) {
      Set<String> expected =
          names.keySet().stream()
              .map(name -> "unet." + name)
              .collect(Collectors.toCollection(TreeSet::new));
      assertThat(new TreeSet<>(delta.names())).isEqualTo(expected).isNotEmpty();
    }
  }
}
