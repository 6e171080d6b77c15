package dev.ablation.delta;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.error.UnsupportedCapabilityException;
import dev.ablation.model.CheckpointExport;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.WeightInfo;
import dev.ablation.provenance.Provenance;
import dev.ablation.random.RandomStreams;
import dev.ablation.safetensors.SafetensorsFile;
import dev.ablation.safetensors.SafetensorsWriter;
import dev.ablation.testing.TinyDiffusion;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WeightDeltaTest {
  private static final String KEY = "network.key";
  private static final String VALUE = "network.value";
  private static final String SKIP = "network.skip";

  @TempDir Path folder;

  private final TinyDiffusion model = TinyDiffusion.open(1);
  private final Map<String, int[]> original = bits(model);
  private final WeightDelta delta = delta(1, KEY, VALUE);

  @AfterEach
  void close() {
    delta.close();
    model.close();
  }

  private WeightDelta delta(long seed, String... names) {
    Map<String, String> hashes = new TreeMap<>();
    try (NDManager scope = model.manager().newSubManager()) {
      Map<String, NDArray> trained = new LinkedHashMap<>();
      for (String name : names) {
        NDArray weight = model.weights().get(name);
        NDArray change =
            RandomStreams.gaussian(scope, weight.getShape(), RandomStreams.stream(seed, name, 0));
        trained.put(name, change.muli(0.1f).addi(weight));
        hashes.put(name, model.weights().sha256(name));
      }
      Provenance provenance =
          new Provenance(
              "1.0",
              model.descriptor().name(),
              model.weights().sha256(),
              hashes,
              Map.of("seed", Long.toString(seed)),
              Map.of("os", "test"));
      return WeightDelta.between(model.weights(), trained, model.manager(), provenance);
    }
  }

  private static Map<String, int[]> bits(DiffusionModel model) {
    Map<String, int[]> bits = new LinkedHashMap<>();
    for (WeightInfo info : model.weights().list()) {
      bits.put(info.name(), bits(model.weights().get(info.name())));
    }
    return bits;
  }

  private static int[] bits(NDArray array) {
    float[] values = array.toFloatArray();
    return IntStream.range(0, values.length).map(i -> Float.floatToRawIntBits(values[i])).toArray();
  }

  private void assertUnchanged() {
    bits(model).forEach((name, bits) -> assertThat(bits).as(name).isEqualTo(original.get(name)));
    for (WeightInfo info : model.weights().list()) {
      assertThat(model.weights().isBound(info.name())).as(info.name()).isFalse();
    }
  }

  // Apply and revert

  @Test
  void appliesAndTakesBackToTheLastBit() {
    int arrays = model.manager().getManagedArrays().size();
    float[] before = model.weights().get(KEY).toFloatArray();
    float[] change = delta.get(KEY).toFloatArray();
    WeightDelta.Applied applied = delta.applyTo(model);
    float[] during = model.weights().get(KEY).toFloatArray();
    for (int i = 0; i < before.length; i++) {
      assertThat(during[i]).isEqualTo(before[i] + change[i]);
    }
    assertThat(bits(model.weights().get(SKIP))).isEqualTo(original.get(SKIP));
    applied.close();
    assertUnchanged();
    applied.close();
    assertUnchanged();
    assertThat(model.manager().getManagedArrays()).hasSize(arrays);
  }

  @Test
  void scopesNestLikeBrackets() {
    try (WeightDelta other = delta(2, VALUE, SKIP)) {
      WeightDelta.Applied outer = delta.applyTo(model);
      int[] outerValue = bits(model.weights().get(VALUE));
      WeightDelta.Applied inner = other.applyTo(model);
      assertThat(bits(model.weights().get(VALUE))).isNotEqualTo(outerValue);
      inner.close();
      assertThat(bits(model.weights().get(VALUE))).isEqualTo(outerValue);
      assertThat(bits(model.weights().get(SKIP))).isEqualTo(original.get(SKIP));
      outer.close();
      assertUnchanged();
    }
  }

  @Test
  void takesBackWhenTheBodyThrows() {
    IllegalStateException failure = new IllegalStateException("body");
    assertThatThrownBy(() ->
            delta.applied(
                model,
                () -> {
                  throw failure;
                }))
        .isSameAs(failure);
    assertUnchanged();
  }

  @Test
  void keepsForGood() {
    String hash = model.weights().sha256();
    WeightDelta.Applied applied = delta.applyTo(model);
    int[] during = bits(model.weights().get(KEY));
    applied.keep();
    applied.close();
    assertThat(bits(model.weights().get(KEY))).isEqualTo(during);
    assertThat(model.weights().isBound(KEY)).isFalse();
    assertThat(model.weights().sha256()).isNotEqualTo(hash);
    assertThat(delta.differencesFrom(model)).as("the model is another base now").hasSize(2);
  }

  // Scale and add

  @Test
  void halfADeltaChangesHalf() {
    float[] before = model.weights().get(KEY).toFloatArray();
    float[] change = delta.get(KEY).toFloatArray();
    try (WeightDelta half = delta.scaledBy(0.5)) {
      float[] during = half.applied(model, () -> model.weights().get(KEY).toFloatArray());
      for (int i = 0; i < before.length; i++) {
        assertThat(during[i]).isCloseTo(before[i] + change[i] / 2, within(1e-6f));
      }
      assertThat(half.norm()).isCloseTo(delta.norm() / 2, within(1e-6));
      assertThat(half.provenance()).isEqualTo(delta.provenance().scaledBy(0.5));
    }
  }

  @Test
  void nothingOfADeltaChangesNothing() {
    try (WeightDelta none = delta.scaledBy(0)) {
      none.applied(
          model,
          () -> {
            original.forEach(
                (name, bits) -> assertThat(bits(model.weights().get(name))).isEqualTo(bits));
            return none;
          });
    }
  }

  @Test
  void additionCommutes() {
    try (WeightDelta other = delta(2, VALUE, SKIP);
        WeightDelta one = delta.plus(other);
        WeightDelta two = other.plus(delta)) {
      assertThat(one.names()).containsExactlyInAnyOrder(KEY, VALUE, SKIP);
      assertThat(two.names()).containsExactlyInAnyOrderElementsOf(one.names());
      for (String name : one.names()) {
        assertThat(bits(one.get(name))).isEqualTo(bits(two.get(name)));
      }
      assertThat(bits(one.get(KEY))).isEqualTo(bits(delta.get(KEY)));
      assertThat(one.provenance().baseWeightSha256()).containsOnlyKeys(KEY, VALUE, SKIP);
    }
  }

  @Test
  void aSumOutlivesItsParts() {
    WeightDelta sum;
    try (WeightDelta other = delta(2, VALUE, SKIP)) {
      sum = delta.plus(other);
    }
    delta.close();
    assertThat(sum.norm()).isPositive();
    sum.close();
  }

  @Test
  void refusesToAddDeltasOfDifferentBases() throws IOException {
    try (WeightDelta other =
        foreign(Map.of(KEY, new Shape(2, 2), VALUE, new Shape(8, 5)), Map.of(VALUE, "00"))) {
      DeltaMismatchException e =
          catchThrowableOfType(DeltaMismatchException.class, () -> delta.plus(other));
      assertThat(e.differences())
          .satisfiesExactlyInAnyOrder(
              line -> assertThat(line).startsWith(KEY).contains("(8, 5)").contains("(2, 2)"),
              line -> assertThat(line).startsWith(VALUE).contains(" 00"));
    }
  }

  @Test
  void measuresItself() {
    double sum = 0;
    long numbers = 0;
    for (String name : delta.names()) {
      for (float value : delta.get(name).toFloatArray()) {
        sum += (double) value * value;
        numbers++;
      }
    }
    assertThat(delta.norm()).isCloseTo(Math.sqrt(sum), within(1e-6));
    assertThat(delta.sizeInBytes()).isEqualTo(4 * numbers);
    assertThat(delta.names()).containsExactly(KEY, VALUE).isUnmodifiable();
  }

  @Test
  void refusesWrongArguments() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> delta.scaledBy(Double.NaN))
        .withMessage("factor must be finite, was NaN");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> delta.get(SKIP))
        .withMessage("the delta does not change 'network.skip'");
  }

  // Files

  @Test
  void savesAndLoadsWithItsProvenance() throws IOException {
    Path file = folder.resolve("delta.safetensors");
    delta.save(file);
    try (WeightDelta loaded = WeightDelta.load(file, model.manager())) {
      assertThat(loaded.provenance()).isEqualTo(delta.provenance());
      assertThat(loaded.names()).containsExactlyInAnyOrderElementsOf(delta.names());
      for (String name : delta.names()) {
        assertThat(bits(loaded.get(name))).isEqualTo(bits(delta.get(name)));
      }
      Files.delete(file);
      loaded.applyTo(model).close();
      assertUnchanged();
    }
  }

  @Test
  void theHeaderTellsWhereItComesFrom() throws IOException {
    Path file = folder.resolve("delta.safetensors");
    delta.save(file);
    try (SafetensorsFile tensors = SafetensorsFile.open(file)) {
      assertThat(tensors.metadata())
          .containsEntry("format", "pt")
          .containsEntry(WeightDelta.FORMAT_KEY, "weight-delta/1")
          .containsEntry(WeightDelta.PROVENANCE_KEY, delta.provenance().toJson());
      assertThat(tensors.tensors()).containsOnlyKeys(KEY, VALUE);
    }
  }

  @Test
  void outlivesTheModel() throws IOException {
    model.close();
    delta.save(folder.resolve("delta.safetensors"));
    assertThat(folder.resolve("delta.safetensors")).isNotEmptyFile();
  }

  @Test
  void refusesToOverwriteAFile() throws IOException {
    Path file = Files.writeString(folder.resolve("delta.safetensors"), "kept");
    assertThatExceptionOfType(FileAlreadyExistsException.class)
        .isThrownBy(() -> delta.save(file))
        .withMessageContaining(file.toString());
    assertThat(file).hasContent("kept");
  }

  @Test
  void refusesFilesThatAreNoDelta() throws IOException {
    Path other = folder.resolve("other.safetensors");
    NDArray array = model.weights().get(KEY);
    SafetensorsWriter.write(other, Map.of("w", array), Map.of());
    assertThatIOException()
        .isThrownBy(() -> WeightDelta.load(other, model.manager()))
        .withMessageContaining("other.safetensors")
        .withMessageContaining("not a weight delta");

    Path broken = folder.resolve("broken.safetensors");
    SafetensorsWriter.write(
        broken,
        Map.of("w", array),
        Map.of(WeightDelta.FORMAT_KEY, "weight-delta/1", WeightDelta.PROVENANCE_KEY, "{}"));
    assertThatIOException()
        .isThrownBy(() -> WeightDelta.load(broken, model.manager()))
        .withMessageContaining("broken.safetensors")
        .withMessageContaining("libraryVersion");

    Path text = Files.writeString(folder.resolve("text.safetensors"), "no tensors in here");
    assertThatIOException()
        .isThrownBy(() -> WeightDelta.load(text, model.manager()))
        .withMessageContaining("text.safetensors");
    assertThatExceptionOfType(NoSuchFileException.class)
        .isThrownBy(() -> WeightDelta.load(folder.resolve("missing"), model.manager()))
        .withMessageContaining("missing");
  }

  /** A delta of zeros, as a file of another model would hold it. */
  private WeightDelta foreign(Map<String, Shape> shapes, Map<String, String> hashes)
      throws IOException {
    Path file = Files.createTempDirectory(folder, "foreign").resolve("delta.safetensors");
    Provenance provenance = new Provenance("1.0", "another", "00", hashes, Map.of(), Map.of());
    try (NDManager scope = model.manager().newSubManager()) {
      Map<String, NDArray> arrays = new LinkedHashMap<>();
      shapes.forEach((name, shape) -> arrays.put(name, scope.zeros(shape)));
      SafetensorsWriter.write(
          file,
          arrays,
          Map.of(
              WeightDelta.FORMAT_KEY,
              "weight-delta/1",
              WeightDelta.PROVENANCE_KEY,
              provenance.toJson()));
    }
    return WeightDelta.load(file, model.manager());
  }

  // Other bases

  @Test
  void refusesAnotherBaseUnlessAsked() {
    try (TinyDiffusion other = TinyDiffusion.open(2)) {
      int[] before = bits(other.weights().get(KEY));
      DeltaMismatchException e =
          catchThrowableOfType(DeltaMismatchException.class, () -> delta.applyTo(other));
      assertThat(e.differences())
          .hasSize(2)
          .isEqualTo(delta.differencesFrom(other))
          .allMatch(line -> line.contains("SHA-256"));
      assertThat(e)
          .hasMessageContaining("tiny-2")
          .hasMessageContaining(KEY)
          .hasMessageContaining(other.weights().sha256(VALUE));
      assertThat(bits(other.weights().get(KEY))).isEqualTo(before);

      WeightDelta.Applied applied = delta.applyTo(other, true);
      assertThat(bits(other.weights().get(KEY))).isNotEqualTo(before);
      applied.close();
      assertThat(bits(other.weights().get(KEY))).isEqualTo(before);
    }
  }

  @Test
  void listsEveryDifferenceAtOnce() throws IOException {
    Map<String, Shape> shapes = new LinkedHashMap<>();
    shapes.put("missing.one", new Shape(3));
    shapes.put("missing.two", new Shape(3));
    shapes.put(KEY, new Shape(5, 8));
    shapes.put(VALUE, new Shape(8, 5));
    try (WeightDelta foreign =
        foreign(shapes, Map.of("missing.one", "00", VALUE, "00", SKIP, "00"))) {
      List<String> structural =
          List.of(
              "missing.one: the model has no such weight",
              "missing.two: the model has no such weight",
              KEY + ": shape (5, 8) in the delta, (8, 5) in the model");
      assertThat(foreign.differencesFrom(model))
          .hasSize(5)
          .containsAll(structural)
          .anyMatch(line -> line.startsWith(VALUE + ": learned on a weight with SHA-256 00"))
          .anyMatch(line -> line.startsWith(SKIP + ": learned on a weight with SHA-256 00"));
      DeltaMismatchException e =
          catchThrowableOfType(DeltaMismatchException.class, () -> foreign.applyTo(model, true));
      assertThat(e.differences()).containsExactlyInAnyOrderElementsOf(structural);
      assertUnchanged();
    }
  }

  // Export

  @Test
  void exportsTheChangedModelAndLeavesItAsItWas() throws IOException {
    Path target = folder.resolve("exported");
    delta.export(model, target);
    assertUnchanged();
    try (TinyDiffusion exported = TinyDiffusion.load(target)) {
      Map<String, int[]> applied = delta.applied(model, () -> bits(model));
      bits(exported)
          .forEach((name, bits) -> assertThat(bits).as(name).isEqualTo(applied.get(name)));
    }
  }

  @Test
  void refusesToExportWhereItCannot() {
    assertThatExceptionOfType(FileAlreadyExistsException.class)
        .isThrownBy(() -> delta.export(model, folder));
    assertUnchanged();
    model.without(CheckpointExport.class);
    assertThatExceptionOfType(UnsupportedCapabilityException.class)
        .isThrownBy(() -> delta.export(model, folder.resolve("new")))
        .withMessageContaining("tiny-1")
        .withMessageContaining("CheckpointExport");
  }
}
