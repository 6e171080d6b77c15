package dev.ablation.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import dev.ablation.model.WeightInfo;
import dev.ablation.model.WeightRole;
import dev.ablation.model.Weights;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * How a model gives access to its weights, bind other arrays in their place, and overwrite them.
 */
public abstract class WeightsContract extends ModelContract {
  /**
   * Tests a model.
   *
   * @param fixture opens it
   */
  protected WeightsContract(ModelFixture fixture) {
    super(fixture);
  }

  @Test
  final void listsWeightsByDifferentNames() {
    List<WeightInfo> list = model.weights().list();
    assertThat(list).isNotEmpty();
    assertThat(list).extracting(WeightInfo::name).doesNotHaveDuplicates();
    assertThatThrownBy(() -> list.remove(0)).isInstanceOf(UnsupportedOperationException.class);
    for (WeightInfo info : list) {
      assertThat(model.weights().get(info.name()).getShape())
          .as(info.name())
          .isEqualTo(info.shape());
    }
  }

  @Test
  final void hasKeysAndValuesOfCrossAttention() {
    assertThat(model.weights().list())
        .extracting(WeightInfo::role)
        .contains(WeightRole.CROSS_ATTENTION_KEY, WeightRole.CROSS_ATTENTION_VALUE);
  }

  @TestFactory
  final Stream<DynamicTest> refusesUnknownNames() {
    Weights weights = model.weights();
    NDArray array = scope.zeros(new Shape(1));
    Map<String, ThrowingCallable> calls = new LinkedHashMap<>();
    calls.put("get", () -> weights.get("no such weight"));
    calls.put("bind", () -> weights.bind("no such weight", array));
    calls.put("unbind", () -> weights.bind("no such weight", null));
    calls.put("isBound", () -> weights.isBound("no such weight"));
    calls.put("overwrite", () -> weights.overwrite("no such weight", array));
    calls.put("sha256", () -> weights.sha256("no such weight"));
    return calls.entrySet().stream()
        .map(call ->
            dynamicTest(
                call.getKey(),
                () ->
                    assertThatIllegalArgumentException()
                        .isThrownBy(call.getValue())
                        .withMessageContaining("no such weight")));
  }

  @TestFactory
  final Stream<DynamicTest> computesWithWhatIsBound() {
    return probes().map(info -> dynamicTest(info.role() + " " + info.name(), () -> bind(info)));
  }

  private void bind(WeightInfo info) {
    Weights weights = model.weights();
    NDArray own = weights.get(info.name());
    int[] before = bits(own);
    String hash = weights.sha256(info.name());
    int[] prediction = bits(encodeAndPredict());

    NDArray other = disturbed(own);
    assertThat(weights.isBound(info.name())).isFalse();
    weights.bind(info.name(), other);
    assertThat(weights.isBound(info.name())).isTrue();
    assertThat(bits(weights.get(info.name()))).isEqualTo(bits(other));
    assertThat(bits(encodeAndPredict())).as("bound").isNotEqualTo(prediction);
    assertThat(weights.sha256(info.name())).as("hash of its own bytes").isEqualTo(hash);

    weights.bind(info.name(), null);
    assertThat(weights.isBound(info.name())).isFalse();
    assertThat(bits(weights.get(info.name()))).isEqualTo(before);
    assertThat(bits(encodeAndPredict())).as("unbound").isEqualTo(prediction);
    assertThat(other.isReleased()).as("a bound array stays its owner's").isFalse();
    other.close();
  }

  @Test
  final void refusesToBindAnotherShape() {
    WeightInfo info = model.weights().list().get(0);
    int[] before = bits(encodeAndPredict());
    NDArray wrong = scope.zeros(new Shape(1, 2, 3, 4, 5));
    assertRefused(
        info.shape().toString(), wrong.getShape(), () -> model.weights().bind(info.name(), wrong));
    assertThat(bits(encodeAndPredict())).isEqualTo(before);
  }

  @Test
  final void copiesWhatOverwrites() {
    WeightInfo info = probes().toList().get(0);
    Weights weights = model.weights();
    NDArray before = weights.get(info.name()).duplicate();
    String hash = weights.sha256(info.name());
    String whole = weights.sha256();

    NDArray other = disturbed(before);
    int[] expected = bits(other);
    weights.overwrite(info.name(), other);
    other.muli(0);
    assertThat(bits(weights.get(info.name()))).isEqualTo(expected);
    assertThat(weights.sha256(info.name())).isNotEqualTo(hash);
    assertThat(weights.sha256()).isNotEqualTo(whole);

    weights.overwrite(info.name(), before);
    assertThat(weights.sha256(info.name())).isEqualTo(hash);
    assertThat(weights.sha256()).isEqualTo(whole);
  }

  @Test
  final void overwritesItsOwnArrayWhateverIsBound() {
    WeightInfo info = probes().toList().get(0);
    Weights weights = model.weights();
    NDArray bound = disturbed(weights.get(info.name()));
    NDArray written = disturbed(bound);
    weights.bind(info.name(), bound);
    weights.overwrite(info.name(), written);
    assertThat(bits(weights.get(info.name()))).isEqualTo(bits(bound));
    weights.bind(info.name(), null);
    assertThat(bits(weights.get(info.name()))).isEqualTo(bits(written));
  }

  @Test
  final void refusesToOverwriteWithAnotherShape() {
    WeightInfo info = model.weights().list().get(0);
    NDArray wrong = scope.zeros(new Shape(1, 2, 3, 4, 5));
    assertRefused(
        info.shape().toString(),
        wrong.getShape(),
        () -> model.weights().overwrite(info.name(), wrong));
  }

  @Test
  final void hashesFloatsInRowMajorOrderLittleEndian() throws Exception {
    MessageDigest whole = MessageDigest.getInstance("SHA-256");
    for (WeightInfo info : model.weights().list()) {
      float[] values = model.weights().get(info.name()).toFloatArray();
      ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
      bytes.asFloatBuffer().put(values);
      String hash =
          HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes.array()));
      assertThat(model.weights().sha256(info.name())).as(info.name()).isEqualTo(hash);
      whole.update((info.name() + ' ' + hash + '\n').getBytes(StandardCharsets.UTF_8));
    }
    assertThat(model.weights().sha256()).isEqualTo(HexFormat.of().formatHex(whole.digest()));
  }
}
