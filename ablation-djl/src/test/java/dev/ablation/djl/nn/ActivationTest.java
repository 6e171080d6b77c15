package dev.ablation.djl.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ActivationTest {

  @ParameterizedTest
  @CsvSource({
    "silu, SILU",
    "swish, SILU",
    "gelu, GELU",
    "quick_gelu, QUICK_GELU",
    "mish, MISH",
    "relu, RELU"
  })
  void configurationsNameActivations(String name, Activation activation) {
    assertThat(Activation.of(name)).isEqualTo(activation);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "tanh", "gelu_new", " silu"})
  void unknownNamesAreToldWithTheKnownOnes(String name) {
    assertThatThrownBy(() -> Activation.of(name))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "activation '%s' is not supported; supported are silu, swish, gelu, quick_gelu, mish,"
                + " relu",
            name);
  }

  @Test
  void groupsMustDivideTheChannels() {
    assertThatThrownBy(() -> new GroupNorm(5, 12, 1e-5))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContainingAll("norm_num_groups", "12", "5");
  }
}
