package dev.ablation.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ConditioningTest {
  private final NDManager manager = NDManager.newBaseManager();
  private final NDArray text = manager.arange(12f).reshape(2, 3, 2);
  private final NDArray pooled = manager.arange(8f).reshape(2, 4);
  private final Conditioning both = new Conditioning(text).with(Conditioning.POOLED, pooled);

  @AfterEach
  void free() {
    manager.close();
  }

  @Test
  void keepsArraysByName() {
    assertThat(both.names()).containsExactly("text", "pooled");
    assertThat(both.textEmbeddings()).isSameAs(text);
    assertThat(both.get("pooled")).isSameAs(pooled);
    assertThat(both.has("time_ids")).isFalse();
    assertThat(both.batchSize()).isEqualTo(2);
    assertThat(both).hasToString("Conditioning text(2, 3, 2) pooled(2, 4)");
  }

  @Test
  void isImmutable() {
    Map<String, NDArray> arrays = new LinkedHashMap<>(Map.of("text", text));
    Conditioning copied = new Conditioning(arrays);
    arrays.put("more", pooled);
    assertThat(copied.names()).containsExactly("text");
    copied.with("more", pooled);
    assertThat(copied.names()).containsExactly("text");
    assertThatThrownBy(() -> copied.arrays().clear())
        .isInstanceOf(UnsupportedOperationException.class);
  }

  @Test
  void everyOperationKeepsEveryArray() {
    Conditioning joined = Conditioning.concat(List.of(both, both.get(1)));
    assertThat(joined.textEmbeddings().getShape()).isEqualTo(new Shape(3, 3, 2));
    assertThat(joined.get("pooled").get(2).toFloatArray()).containsExactly(4, 5, 6, 7);
    Conditioning twice = both.map(array -> array.mul(2));
    assertThat(twice.get("pooled").get(1).toFloatArray()).containsExactly(8, 10, 12, 14);
    NDManager scope = manager.newSubManager();
    twice.attach(scope);
    scope.close();
    assertThat(twice.arrays().values()).allMatch(NDArray::isReleased);
  }

  @Test
  void refusesArraysThatDoNotFit() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> both.with("time_ids", manager.zeros(new Shape(3, 6))))
        .withMessage("conditioning 'time_ids': expected batch size 2, was shape (3, 6)");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Conditioning(pooled))
        .withMessage("conditioning 'text': expected (B, T, D), was (2, 4)");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Conditioning(Map.of()))
        .withMessageContaining("at least one array");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> both.get("guidance"))
        .withMessage("conditioning: there is no 'guidance', only [text, pooled]");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Conditioning.concat(List.of(both, new Conditioning(text))))
        .withMessageContaining("same names")
        .withMessageContaining("[text, pooled]");
  }

  @Test
  void reportsWhatANetworkDoesNotTakeAndWhatItNeeds() {
    both.checkNames(Set.of("text"), Set.of("pooled", "guidance"));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> both.checkNames(Set.of("text"), Set.of("guidance")))
        .withMessage("conditioning: the network does not take [pooled]; it takes [guidance, text]");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> both.checkNames(Set.of("text", "time_ids"), Set.of("pooled")))
        .withMessage("conditioning: the network needs [time_ids], but only has [text, pooled]");
  }
}
