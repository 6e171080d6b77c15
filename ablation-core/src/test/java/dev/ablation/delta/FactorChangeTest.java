package dev.ablation.delta;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.provenance.Provenance;
import dev.ablation.random.RandomStreams;
import dev.ablation.testing.TinyDiffusion;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Changes of several weights by one factor, which is held and saved once. */
class FactorChangeTest {
  private static final String KEY = "network.key";
  private static final String VALUE = "network.value";
  private static final int WIDTH = TinyDiffusion.TEXT_WIDTH;
  private static final float CLOSE = 2e-6f;

  @TempDir Path folder;

  private final TinyDiffusion model = TinyDiffusion.open(1);
  private final NDManager scope = model.manager().newSubManager();

  @AfterEach
  void close() {
    model.close();
  }

  private NDArray random(long seed, long... shape) {
    return RandomStreams.gaussian(
            scope, new Shape(shape), RandomStreams.stream(seed, "factor", 0))
        .mul(0.1f);
  }

  private Provenance provenance() {
    Map<String, String> hashes = new TreeMap<>();
    List.of(KEY, VALUE).forEach(name -> hashes.put(name, model.weights().sha256(name)));
    return new Provenance("1.0", "tiny-1", model.weights().sha256(), hashes, Map.of(), Map.of());
  }

  private WeightDelta delta(WeightFactor factor) {
    Map<String, WeightChange> changes = new LinkedHashMap<>();
    for (String name : List.of(KEY, VALUE)) {
      Shape shape = model.weights().get(name).getShape();
      changes.put(name, WeightChange.multiplying(factor, shape, 0));
    }
    return WeightDelta.of(model.weights(), changes, model.manager(), provenance());
  }

  private WeightDelta dense(long seed) {
    return delta(WeightFactor.of(random(seed, WIDTH, WIDTH)));
  }

  private WeightDelta slim(long seed) {
    return delta(WeightFactor.of(random(seed, WIDTH, 2), random(seed + 50, WIDTH, 2)));
  }

  /** A difference in full of both weights. */
  private WeightDelta full(long seed) {
    Map<String, WeightChange> changes = new LinkedHashMap<>();
    for (String name : List.of(KEY, VALUE)) {
      long[] shape = model.weights().get(name).getShape().getShape();
      changes.put(name, WeightChange.adding(random(seed, shape)));
    }
    return WeightDelta.of(model.weights(), changes, model.manager(), provenance());
  }

  private NDArray applied(WeightDelta delta, String name) {
    return delta.applied(
        model,
        () -> {
          NDArray weight = model.weights().get(name).duplicate();
          weight.attach(scope);
          return weight;
        });
  }

  private static void assertClose(NDArray actual, NDArray expected) {
    assertThat(actual.sub(expected).norm().getFloat())
        .isLessThan(CLOSE * expected.norm().getFloat());
  }

  /** (I + C)ᵀ W, since the tiny model multiplies from the left. */
  private NDArray multiplied(NDArray change, String name) {
    NDArray base = model.weights().copy(name, scope);
    return base.add(change.transpose().matMul(base));
  }

  @Test
  void multipliesEveryWeightAndRevertsToTheLastBit() {
    NDArray change = random(3, WIDTH, WIDTH);
    float[] before = model.weights().get(KEY).toFloatArray();
    try (WeightDelta delta = delta(WeightFactor.of(change))) {
      for (String name : List.of(KEY, VALUE)) {
        assertClose(applied(delta, name), multiplied(change, name));
      }
      assertThat(delta.sizeInBytes()).isEqualTo((long) WIDTH * WIDTH * Float.BYTES);
    }
    assertThat(model.weights().get(KEY).toFloatArray()).isEqualTo(before);
    NDArray left = random(4, WIDTH, 2);
    NDArray right = random(5, WIDTH, 2);
    try (WeightDelta delta = delta(WeightFactor.of(left, right))) {
      assertClose(applied(delta, VALUE), multiplied(left.matMul(right.transpose()), VALUE));
      assertThat(delta.sizeInBytes()).isEqualTo(2L * WIDTH * 2 * Float.BYTES);
    }
  }

  @Test
  void actsOnTheOtherAxisToo() {
    NDArray base = model.weights().copy(KEY, scope);
    long width = base.getShape().get(1);
    NDArray change = random(6, width, width);
    WeightChange made = WeightChange.multiplying(WeightFactor.of(change), base.getShape(), 1);
    assertClose(made.changed(base, scope), base.add(base.matMul(change)));
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void isSavedOnceAndLoadedToTheLastBit(boolean slim) throws IOException {
    Path file = folder.resolve("factor.safetensors");
    try (WeightDelta delta = slim ? slim(1) : dense(1)) {
      delta.save(file);
      try (WeightDelta loaded = WeightDelta.load(file, model.manager())) {
        assertThat(loaded.isRelative()).isTrue();
        assertThat(loaded.sizeInBytes()).isEqualTo(delta.sizeInBytes());
        assertThat(loaded.sha256()).isEqualTo(delta.sha256());
        for (String name : List.of(KEY, VALUE)) {
          assertThat(applied(loaded, name).toFloatArray())
              .isEqualTo(applied(delta, name).toFloatArray());
        }
      }
    }
    byte[] bytes = Files.readAllBytes(file);
    bytes[bytes.length - 3] ^= 1;
    Files.write(file, bytes);
    assertThatIOException()
        .isThrownBy(() -> WeightDelta.load(file, model.manager()))
        .withMessageContaining("differs from its checksum");
  }

  @Test
  void scalesAndAddsToEveryForm() throws IOException {
    try (WeightDelta one = dense(1);
        WeightDelta two = slim(2);
        WeightDelta other = full(3);
        WeightDelta half = one.scaledBy(0.5);
        WeightDelta both = half.plus(two);
        WeightDelta all = both.plus(other);
        WeightDelta turned = other.plus(both)) {
      NDArray base = model.weights().copy(KEY, scope);
      NDArray ofOne = applied(one, KEY).sub(base);
      NDArray ofTwo = applied(two, KEY).sub(base);
      NDArray expected = base.add(ofOne.mul(0.5f)).add(ofTwo);
      assertClose(applied(half, KEY), base.add(ofOne.mul(0.5f)));
      assertClose(applied(both, KEY), expected);
      assertThat(both.sizeInBytes()).isEqualTo(one.sizeInBytes() + two.sizeInBytes());
      assertClose(applied(all, KEY), expected.add(other.get(KEY)));
      assertClose(applied(turned, KEY), expected.add(other.get(KEY)));
      Path file = folder.resolve("sum.safetensors");
      all.save(file);
      try (WeightDelta loaded = WeightDelta.load(file, model.manager())) {
        assertThat(applied(loaded, KEY).toFloatArray()).isEqualTo(applied(all, KEY).toFloatArray());
      }
    }
  }

  @Test
  void isRelativeToTheBaseWeightAlsoUnderAnotherDelta() {
    try (WeightDelta factor = dense(1);
        WeightDelta other = full(2);
        WeightDelta sum = factor.plus(other)) {
      NDArray nested = other.applied(model, () -> applied(factor, KEY));
      assertClose(nested, applied(sum, KEY));
    }
  }

  @Test
  void isResolvedAgainstTheBaseWeightAlsoWhileItIsApplied() {
    try (WeightDelta dense = dense(1);
        WeightDelta outside = dense.resolved(model);
        WeightDelta within = dense.applied(model, () -> dense.resolved(model))) {
      assertThat(within.get(KEY).toFloatArray()).isEqualTo(outside.get(KEY).toFloatArray());
    }
  }

  @Test
  void isKeptInTheModelForGood() {
    NDArray change = random(1, WIDTH, WIDTH);
    NDArray expected = multiplied(change, KEY);
    try (WeightDelta delta = delta(WeightFactor.of(change))) {
      delta.applyTo(model).keep();
    }
    assertClose(model.weights().copy(KEY, scope), expected);
  }

  @Test
  void becomesADifferenceOrALowRankChangeWithTheModelAtHand() {
    try (WeightDelta dense = dense(1);
        WeightDelta slim = slim(2);
        WeightDelta difference = dense.resolved(model);
        WeightDelta adapter = slim.resolved(model)) {
      assertThatIllegalStateException()
          .isThrownBy(() -> dense.get(KEY))
          .withMessageContaining("take delta.resolved(model) first");
      assertThatIllegalStateException().isThrownBy(dense::norm);
      assertThat(difference.isRelative()).isFalse();
      assertThat(difference.norm()).isPositive();
      assertThat(adapter.isLowRank()).isTrue();
      for (String name : List.of(KEY, VALUE)) {
        assertClose(applied(difference, name), applied(dense, name));
        assertClose(applied(adapter, name), applied(slim, name));
      }
    }
  }

  @Test
  void equalFactorsOfTwoDeltasAreStoredOnce() {
    try (WeightDelta one = dense(1);
        WeightDelta same = dense(1);
        WeightDelta twice = one.plus(same)) {
      assertThat(twice.sizeInBytes()).isEqualTo(one.sizeInBytes());
      NDArray base = model.weights().copy(KEY, scope);
      assertClose(applied(twice, KEY), base.add(applied(one, KEY).sub(base).mul(2)));
    }
  }

  @Test
  void wrongShapesAreNamed() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> WeightFactor.of(random(1, 3, 4)))
        .withMessage("change must be a square matrix, had shape (3, 4)");
    WeightFactor three = WeightFactor.of(random(1, 3, 3));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> WeightChange.multiplying(three, new Shape(5, 4), 1))
        .withMessage("a factor of width 3 does not fit axis 1 of a weight of shape (5, 4)");
  }
}
