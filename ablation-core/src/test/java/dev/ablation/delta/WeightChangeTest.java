package dev.ablation.delta;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import dev.ablation.model.LoraFactors;
import dev.ablation.provenance.Provenance;
import dev.ablation.testing.TinyDiffusion;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

class WeightChangeTest {
  private static final String KEY = "network.key";

  private final TinyDiffusion model = TinyDiffusion.open(1);
  private final NDManager scope = model.manager().newSubManager();
  private final Shape shape = model.weights().get(KEY).getShape();

  @AfterEach
  void close() {
    model.close();
  }

  private static Provenance provenance() {
    return new Provenance("1", "tiny-1", "0".repeat(64), Map.of(), Map.of(), Map.of());
  }

  private NDArray some(long seed, long... dimensions) {
    float[] values = new float[(int) new Shape(dimensions).size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) Math.sin(seed + 1.7 * i);
    }
    return scope.create(values, new Shape(dimensions));
  }

  private WeightDelta delta(Map<String, WeightChange> changes) {
    return WeightDelta.of(model.weights(), changes, model.manager(), provenance());
  }

  @TestFactory
  Stream<DynamicTest> everyFormBecomesTheDeltaThatMakesTheSameWeight(@TempDir Path folder) {
    NDArray rows = scope.create(new long[] {1, 4});
    return Stream.of(
            Map.entry("replacing", WeightChange.replacing(some(1, shape.getShape()))),
            Map.entry("adding", WeightChange.adding(some(2, shape.getShape()))),
            Map.entry(
                "rows", WeightChange.addingRows(shape.get(0), rows, some(3, 2, shape.get(1)))),
            Map.entry(
                "low-rank",
                WeightChange.lowRank(
                    new LoraFactors(some(4, 2, shape.get(1)), some(5, shape.get(0), 2), 0.5))))
        .map(each ->
            DynamicTest.dynamicTest(
                each.getKey(),
                () -> assertSameWeight(each.getValue(), folder.resolve(each.getKey()))));
  }

  private void assertSameWeight(WeightChange change, Path file) throws Exception {
    float[] expected = change.changed(model.weights().get(KEY), scope).toFloatArray();
    assertThat(change.shape()).isEqualTo(shape);
    try (WeightDelta made = delta(Map.of(KEY, change))) {
      made.save(file);
    }
    try (WeightDelta read = WeightDelta.load(file, model.manager())) {
      assertThat(read.sizeInBytes())
          .isLessThanOrEqualTo(4 * change.arrays().stream().mapToLong(NDArray::size).sum() + 16);
      float[] applied = read.applied(model, () -> model.weights().get(KEY).toFloatArray());
      for (int i = 0; i < applied.length; i++) {
        assertThat(applied[i]).isCloseTo(expected[i], within(1e-6f));
      }
    }
  }

  @Test
  void aDifferenceOfFewRowsIsStoredAsRows() {
    NDArray difference = scope.zeros(shape);
    difference.set(new NDIndex(3), some(1, shape.get(1)));
    try (WeightDelta made = delta(Map.of(KEY, WeightChange.adding(difference)))) {
      assertThat(made.sizeInBytes()).isEqualTo(8 + 4 * shape.get(1));
      assertThat(made.get(KEY).toFloatArray()).isEqualTo(difference.toFloatArray());
    }
  }

  @Test
  void anotherShapeOrWeightIsRefused() {
    WeightChange change = WeightChange.adding(some(1, 2, 3));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> delta(Map.of(KEY, change)))
        .withMessage("change of weight '%s' must have shape %s, was (2, 3)", KEY, shape);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> delta(Map.of("nothing", change)))
        .withMessageContaining("nothing");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> WeightChange.addingRows(4, some(1, 2), some(1, 2, 3)))
        .withMessageStartingWith("rows must be int64");
    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> WeightChange.addingRows(4, scope.create(new long[] {1, 4}), some(1, 2, 3)))
        .withMessageStartingWith("rows must ascend and be below 4");
  }
}
