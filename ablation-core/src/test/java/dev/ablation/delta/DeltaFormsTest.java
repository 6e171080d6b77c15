package dev.ablation.delta;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.model.Lora;
import dev.ablation.model.LoraFactors;
import dev.ablation.model.WeightInfo;
import dev.ablation.provenance.Provenance;
import dev.ablation.random.RandomStreams;
import dev.ablation.safetensors.SafetensorsFile;
import dev.ablation.safetensors.SafetensorsWriter;
import dev.ablation.testing.TinyDiffusion;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Differences that are held as some rows or as two factors. */
class DeltaFormsTest {
  private static final String TABLE = "text.table";
  private static final String KEY = "network.key";
  private static final String VALUE = "network.value";

  @TempDir Path folder;

  private final TinyDiffusion model = TinyDiffusion.open(1);
  private final float[] table = values(TABLE);
  private final int width = TinyDiffusion.TEXT_WIDTH;

  @AfterEach
  void close() {
    model.close();
  }

  private float[] values(String name) {
    return model.weights().get(name).toFloatArray();
  }

  private Provenance provenance(String... names) {
    Map<String, String> hashes = new TreeMap<>();
    for (String name : names) {
      hashes.put(name, model.weights().sha256(name));
    }
    return new Provenance("1.0", "tiny-1", model.weights().sha256(), hashes, Map.of(), Map.of());
  }

  /** Adds {@code by} to some rows of the table. */
  private WeightDelta ofRows(float by, int... rows) {
    float[] changed = table.clone();
    for (int row : rows) {
      for (int i = row * width; i < (row + 1) * width; i++) {
        changed[i] += by;
      }
    }
    try (NDManager scope = model.manager().newSubManager()) {
      NDArray trained = scope.create(changed, model.weights().get(TABLE).getShape());
      return WeightDelta.between(
          model.weights(), Map.of(TABLE, trained), model.manager(), provenance(TABLE));
    }
  }

  private WeightDelta ofFactors(long seed, int rank, String... names) {
    try (NDManager scope = model.manager().newSubManager()) {
      Map<String, LoraFactors> factors = new LinkedHashMap<>();
      for (WeightInfo info : model.weights().list()) {
        if (List.of(names).contains(info.name())) {
          LoraFactors initial = Lora.rank(rank).alpha(3).initial(info, seed, scope);
          initial.up().addi(random(scope, initial.up().getShape(), seed));
          factors.put(info.name(), initial);
        }
      }
      return WeightDelta.ofLowRank(factors, model.manager(), provenance(names));
    }
  }

  private static NDArray random(NDManager scope, Shape shape, long seed) {
    return RandomStreams.gaussian(scope, shape, RandomStreams.stream(seed, "up", 0));
  }

  private static double[] product(LoraFactors factors) {
    int rank = factors.rank();
    float[] a = factors.down().toFloatArray();
    float[] b = factors.up().toFloatArray();
    int in = a.length / rank;
    double[] product = new double[b.length / rank * in];
    for (int o = 0; o < b.length / rank; o++) {
      for (int r = 0; r < rank; r++) {
        for (int i = 0; i < in; i++) {
          product[o * in + i] += factors.scale() * b[o * rank + r] * a[r * in + i];
        }
      }
    }
    return product;
  }

  // Rows

  @Test
  void aTableOfWhichFewRowsChangeIsHeldByRows() throws IOException {
    int arrays = model.manager().getManagedArrays().size();
    try (WeightDelta delta = ofRows(0.5f, 3, 990, 17)) {
      assertThat(delta.sizeInBytes()).isEqualTo(3 * (8 + 4L * width));
      assertThat(delta.isLowRank()).isFalse();
      assertThat(delta.lowRank(TABLE)).isEmpty();
      assertThat(delta.norm()).isCloseTo(0.5 * Math.sqrt(3 * width), within(1e-5));
      float[] full = delta.get(TABLE).toFloatArray();
      float[] applied = delta.applied(model, () -> values(TABLE));
      for (int i = 0; i < full.length; i++) {
        boolean changed = List.of(3, 17, 990).contains(i / width);
        assertThat(full[i]).as("entry %s", i).isEqualTo(changed ? 0.5f : 0, within(1e-6f));
        assertThat(applied[i]).as("entry %s", i).isEqualTo(table[i] + full[i]);
      }
      assertThat(values(TABLE)).isEqualTo(table);

      Path file = folder.resolve("rows.safetensors");
      delta.save(file);
      assertThat(Files.size(file)).isLessThan(4000);
      try (WeightDelta loaded = WeightDelta.load(file, model.manager())) {
        assertThat(loaded.get(TABLE).toFloatArray()).isEqualTo(full);
        assertThat(loaded.provenance()).isEqualTo(delta.provenance());
        assertThat(loaded.sizeInBytes()).isEqualTo(delta.sizeInBytes());
        assertThat(loaded.applied(model, () -> values(TABLE))).isEqualTo(applied);
      }
    }
    assertThat(model.manager().getManagedArrays()).hasSize(arrays);
  }

  @Test
  void rowsScaleAndAdd() {
    try (WeightDelta one = ofRows(1, 3, 5);
        WeightDelta two = ofRows(-1, 5, 9);
        WeightDelta half = one.scaledBy(0.5);
        WeightDelta sum = one.plus(two);
        WeightDelta merged = one.merged()) {
      assertThat(half.sizeInBytes()).isEqualTo(one.sizeInBytes());
      assertThat(half.norm()).isCloseTo(one.norm() / 2, within(1e-5));
      float[] all = sum.get(TABLE).toFloatArray();
      float[] first = one.get(TABLE).toFloatArray();
      float[] second = two.get(TABLE).toFloatArray();
      for (int i = 0; i < all.length; i++) {
        assertThat(all[i]).isEqualTo(first[i] + second[i]);
      }
      assertThat(sum.sizeInBytes()).isLessThan(4 * (8 + 4L * width));
      assertThat(merged.get(TABLE).toFloatArray()).isEqualTo(first);
    }
  }

  @Test
  void aTableOfWhichManyRowsChangeIsHeldInFull() {
    int[] rows = java.util.stream.IntStream.range(0, table.length / width * 3 / 4).toArray();
    try (WeightDelta delta = ofRows(1, rows)) {
      assertThat(delta.sizeInBytes()).isEqualTo(4L * table.length);
    }
  }

  // Factors

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 7})
  void factorsAreHeldAsTheyAre(int rank) throws IOException {
    float[] before = values(KEY);
    try (WeightDelta delta = ofFactors(1, rank, KEY, VALUE)) {
      LoraFactors factors = delta.lowRank(KEY).orElseThrow();
      assertThat(delta.isLowRank()).isTrue();
      assertThat(factors.rank()).isEqualTo(rank);
      assertThat(factors.scale()).isEqualTo(3.0 / rank);
      assertThat(delta.sizeInBytes()).isEqualTo(2 * 4L * rank * (8 + 5));
      double[] product = product(factors);
      float[] full = delta.get(KEY).toFloatArray();
      float[] applied = delta.applied(model, () -> values(KEY));
      double squares = 0;
      for (int i = 0; i < full.length; i++) {
        assertThat((double) full[i]).isCloseTo(product[i], within(1e-5));
        assertThat(applied[i]).isEqualTo(before[i] + full[i]);
        squares += product[i] * product[i];
      }
      assertThat(values(KEY)).isEqualTo(before);
      assertThat(delta.norm()).isGreaterThan(Math.sqrt(squares));

      Path file = folder.resolve("factors.safetensors");
      delta.save(file);
      try (WeightDelta loaded = WeightDelta.load(file, model.manager());
          WeightDelta merged = loaded.merged();
          SafetensorsFile tensors = SafetensorsFile.open(file)) {
        assertThat(tensors.tensors()).hasSize(4).containsKeys(KEY + ".lora_A", VALUE + ".lora_B");
        assertThat(loaded.isLowRank()).isTrue();
        assertThat(loaded.names()).containsExactlyInAnyOrderElementsOf(delta.names());
        assertThat(loaded.provenance()).isEqualTo(delta.provenance());
        assertThat(loaded.get(KEY).toFloatArray()).isEqualTo(full);
        assertThat(merged.isLowRank()).isFalse();
        assertThat(merged.get(KEY).toFloatArray()).isEqualTo(full);
        assertThat(merged.applied(model, () -> values(KEY))).isEqualTo(applied);
      }
    }
  }

  @Test
  void factorsScaleByTheirScale() {
    try (WeightDelta delta = ofFactors(1, 2, KEY);
        WeightDelta half = delta.scaledBy(0.5)) {
      assertThat(half.isLowRank()).isTrue();
      assertThat(half.lowRank(KEY).orElseThrow().scale()).isEqualTo(0.75);
      assertThat(half.norm()).isCloseTo(delta.norm() / 2, within(1e-5));
    }
  }

  @Test
  void ranksAddUp() {
    try (WeightDelta one = ofFactors(1, 2, KEY, VALUE);
        WeightDelta two = ofFactors(2, 3, VALUE);
        WeightDelta sum = one.plus(two)) {
      assertThat(sum.isLowRank()).isTrue();
      assertThat(sum.lowRank(KEY).orElseThrow().rank()).isEqualTo(2);
      assertThat(sum.lowRank(VALUE).orElseThrow().rank()).isEqualTo(5);
      float[] all = sum.get(VALUE).toFloatArray();
      double[] first = product(one.lowRank(VALUE).orElseThrow());
      double[] second = product(two.lowRank(VALUE).orElseThrow());
      for (int i = 0; i < all.length; i++) {
        assertThat((double) all[i]).isCloseTo(first[i] + second[i], within(1e-5));
      }
    }
  }

  @Test
  void formsMixInASum() {
    try (WeightDelta factors = ofFactors(1, 2, KEY);
        WeightDelta full = factors.merged();
        WeightDelta rows = ofRows(1, 4);
        WeightDelta sum = factors.plus(full).plus(rows)) {
      assertThat(sum.names()).containsExactly(KEY, TABLE);
      float[] once = factors.get(KEY).toFloatArray();
      float[] twice = sum.get(KEY).toFloatArray();
      for (int i = 0; i < once.length; i++) {
        assertThat(twice[i]).isEqualTo(2 * once[i]);
      }
      assertThat(sum.get(TABLE).toFloatArray()).isEqualTo(rows.get(TABLE).toFloatArray());
    }
  }

  // Broken files

  @ParameterizedTest
  @ValueSource(
      strings = {
        "[]",
        "no json",
        "{'w':{'form':'rows','count':4}}",
        "{'w':{'form':'low-rank','scale':1}}",
        "{'w':{'form':'sparse'}}",
        "{'w':5}",
        "{'r':{'form':'rows','count':2}}",
        "{'r':{'form':'rows'}}",
        "{'l':{'form':'low-rank','scale':'1'}}"
      })
  void refusesFormsThatDoNotFit(String forms) throws IOException {
    Path file = folder.resolve("broken.safetensors");
    try (NDManager scope = model.manager().newSubManager()) {
      Map<String, NDArray> arrays = new LinkedHashMap<>();
      arrays.put("w", scope.zeros(new Shape(4, 2)));
      arrays.put("r.rows", scope.create(new long[] {1, 2}));
      arrays.put("r.values", scope.zeros(new Shape(2, 2)));
      arrays.put("l.lora_A", scope.zeros(new Shape(2, 3)));
      arrays.put("l.lora_B", scope.zeros(new Shape(4, 2)));
      SafetensorsWriter.write(
          file,
          arrays,
          Map.of(
              WeightDelta.FORMAT_KEY,
              "weight-delta/2",
              WeightDelta.PROVENANCE_KEY,
              provenance().toJson(),
              "ablation.forms",
              forms.replace('\'', '"')));
    }
    int arrays = model.manager().getManagedArrays().size();
    assertThatIOException()
        .isThrownBy(() -> WeightDelta.load(file, model.manager()))
        .withMessageContaining("broken.safetensors");
    assertThat(model.manager().getManagedArrays()).hasSize(arrays);
  }

  // Keeping

  @Test
  void aChangeWithinAnotherIsNotKept() {
    try (WeightDelta outer = ofFactors(1, 2, KEY, VALUE);
        WeightDelta inner = ofFactors(2, 2, VALUE);
        WeightDelta apart = ofRows(1, 4)) {
      String hash = model.weights().sha256(VALUE);
      WeightDelta.Applied around = outer.applyTo(model);
      WeightDelta.Applied within = inner.applyTo(model);
      float[] both = values(VALUE);
      assertThatIllegalStateException()
          .isThrownBy(within::keep)
          .withMessageContaining("no other one is applied")
          .withMessageContaining(VALUE);
      assertThatIllegalStateException().isThrownBy(around::keep).withMessageContaining(VALUE);
      assertThat(values(VALUE)).isEqualTo(both);
      apart.applyTo(model).keep();
      assertThat(Arrays.equals(values(TABLE), table)).isFalse();
      within.close();
      around.keep();
      assertThat(model.weights().sha256(VALUE)).isNotEqualTo(hash);
      assertThat(model.weights().isBound(VALUE)).isFalse();
    }
  }
}
