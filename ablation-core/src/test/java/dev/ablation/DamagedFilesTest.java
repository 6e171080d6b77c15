package dev.ablation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIOException;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.delta.WeightChange;
import dev.ablation.delta.WeightDelta;
import dev.ablation.evaluation.EvaluationResult;
import dev.ablation.model.LoraFactors;
import dev.ablation.provenance.Provenance;
import dev.ablation.safetensors.MalformedSafetensorsException;
import dev.ablation.safetensors.MalformedSafetensorsException.Rule;
import dev.ablation.safetensors.SafetensorsFile;
import dev.ablation.safetensors.SafetensorsWriter;
import dev.ablation.testing.TinyDiffusion;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Damaged files are refused with the reader's documented exception, which names the file. */
class DamagedFilesTest {
  private static final String KEY = "network.key";

  @TempDir Path folder;

  private final TinyDiffusion model = TinyDiffusion.open(1);

  @AfterEach
  void close() {
    model.close();
  }

  private static Path file(String name) throws URISyntaxException {
    return Path.of(DamagedFilesTest.class.getResource("/damaged/" + name).toURI());
  }

  private static Provenance provenance() {
    return new Provenance("1", "tiny", "unknown", Map.of(), Map.of(), Map.of());
  }

  @Test
  void multipliesTheDimensionsOfEmptyTensorsToo() throws Exception {
    assertThatExceptionOfType(MalformedSafetensorsException.class)
        .isThrownBy(() -> SafetensorsFile.open(file("empty-with-huge-dimensions.safetensors")))
        .satisfies(e -> assertThat(e.rule()).isEqualTo(Rule.OVERFLOW));
  }

  @ParameterizedTest
  @ValueSource(strings = {"delta-of-complex-numbers", "delta-of-4e12-rows"})
  void refusesDeltasThatDoNotFitTheirTensors(String name) throws Exception {
    Path file = file(name + ".safetensors");
    assertThatIOException()
        .isThrownBy(() -> WeightDelta.load(file, model.manager()))
        .withMessageContaining(file.toString());
  }

  @Test
  void refusesAnEvaluationWithANumberBeyond64Bits() throws Exception {
    Path file = file("evaluation-seed-of-1e400.json");
    assertThatIOException()
        .isThrownBy(() -> EvaluationResult.read(file))
        .withMessageStartingWith(file + ": ");
    Path slow = folder.resolve("slow.json");
    Files.writeString(
        slow, Files.readString(file).replace("\"seconds\":1.5", "\"seconds\":1e999999999"));
    assertThatIOException()
        .isThrownBy(() -> EvaluationResult.read(slow))
        .withMessageStartingWith(slow + ": ");
  }

  private Path saved() throws IOException {
    Path file = folder.resolve("delta.safetensors");
    try (NDManager scope = model.manager().newSubManager();
        WeightDelta delta =
            WeightDelta.of(
                model.weights(),
                Map.of(KEY, WeightChange.adding(scope.randomNormal(shape(KEY)))),
                scope,
                provenance())) {
      delta.save(file);
    }
    return file;
  }

  private Shape shape(String weight) {
    return model.weights().get(weight).getShape();
  }

  @Test
  void noticesEveryFlippedByteOfADelta() throws IOException {
    Path file = saved();
    WeightDelta.load(file, model.manager()).close();
    byte[] bytes = Files.readAllBytes(file);
    Path damaged = folder.resolve("damaged.safetensors");
    int step = Math.max(1, bytes.length / 400);
    for (int at = 0; at < bytes.length; at += step) {
      byte[] flipped = bytes.clone();
      flipped[at] ^= (byte) (1 << at % 7);
      Files.write(damaged, flipped);
      assertThatIOException()
          .as("byte %s of %s", at, bytes.length)
          .isThrownBy(() -> WeightDelta.load(damaged, model.manager()).close())
          .withMessageContaining(damaged.toString());
    }
  }

  @Test
  void readsADeltaOfAnEarlierVersionWithoutChecksums() throws IOException {
    Path file = saved();
    Path old = folder.resolve("old.safetensors");
    try (SafetensorsFile tensors = SafetensorsFile.open(file, SafetensorsFile.Access.COPY);
        NDManager scope = model.manager().newSubManager()) {
      Map<String, String> header = new HashMap<>(tensors.metadata());
      assertThat(header.remove("ablation.checksums")).isNotNull();
      SafetensorsWriter.write(old, Map.of(KEY, tensors.read(KEY, scope)), header);
    }
    try (WeightDelta read = WeightDelta.load(old, model.manager());
        WeightDelta same = WeightDelta.load(file, model.manager())) {
      assertThat(read.get(KEY).toFloatArray()).isEqualTo(same.get(KEY).toFloatArray());
    }
  }

  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
  void refusesADeltaThatIsNotFinite(float value) throws IOException {
    Path file = folder.resolve("delta.safetensors");
    try (NDManager scope = model.manager().newSubManager()) {
      NDArray change = scope.zeros(shape(KEY)).add(value);
      try (WeightDelta delta =
          WeightDelta.of(
              model.weights(), Map.of(KEY, WeightChange.adding(change)), scope, provenance())) {
        delta.save(file);
      }
    }
    assertThatIOException()
        .isThrownBy(() -> WeightDelta.load(file, model.manager()))
        .withMessageStartingWith(file + ": '" + KEY + "' must hold finite numbers, has ");
  }

  @Test
  void refusesFactorsWhoseProductOverflows() throws IOException {
    Path file = folder.resolve("delta.safetensors");
    try (NDManager scope = model.manager().newSubManager()) {
      Shape shape = shape(KEY);
      NDArray down = scope.ones(new Shape(1, shape.get(1))).mul(1e20f);
      NDArray up = scope.ones(new Shape(shape.get(0), 1)).mul(1e20f);
      try (WeightDelta delta =
          WeightDelta.ofLowRank(Map.of(KEY, new LoraFactors(down, up, 1)), scope, provenance())) {
        delta.save(file);
      }
    }
    assertThatIOException()
        .isThrownBy(() -> WeightDelta.load(file, model.manager()))
        .withMessage(file + ": the scale of '" + KEY + "' must keep its change finite, was 1.0");
  }
}
