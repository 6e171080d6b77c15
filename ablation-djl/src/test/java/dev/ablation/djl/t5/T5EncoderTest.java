package dev.ablation.djl.t5;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.withinPercentage;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.FlowGolden;
import dev.ablation.djl.SmallConfig;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.internal.kernel.Kernels;
import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.djl.nn.RandomWeights;
import dev.ablation.djl.nn.Weight;
import dev.ablation.random.RandomStreams;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class T5EncoderTest {
  private static final String ONE = "shared.weight";
  private static final String OTHER = "encoder.embed_tokens.weight";

  @TempDir private Path folder;

  @ParameterizedTest
  @CsvSource({
    "model_type, '\"umt5\"', '\"t5\"'",
    "feed_forward_proj, '\"relu\"', gated-gelu",
    "feed_forward_proj, null, gated-gelu",
    "relative_attention_num_buckets, 30, a multiple of 4",
    "relative_attention_max_distance, 8, more than a quarter",
    "num_layers, 0, positive"
  })
  void refusesConfigurations(String key, String value, String rule) {
    assertThatThrownBy(() -> T5Config.of(SmallConfig.with(SmallConfig.T5, key, value, folder)))
        .isInstanceOf(InvalidCheckpointException.class)
        .hasMessageContainingAll("config.json", key + " must be", rule);
  }

  @Test
  void theEmbeddingMayHaveEitherNameOrBoth() {
    assertThat(T5EncoderModel.naming(Set.of(ONE)).apply(ONE)).contains(ONE);
    assertThat(T5EncoderModel.naming(Set.of(OTHER)).apply(OTHER)).contains(ONE);
    Function<String, Optional<String>> both = T5EncoderModel.naming(Set.of(ONE, OTHER));
    assertThat(both.apply(ONE)).contains(ONE);
    assertThat(both.apply(OTHER)).isEmpty();
    assertThat(both.apply("decoder.block.0.layer.0.layer_norm.weight")).isEmpty();
    assertThat(both.apply("lm_head.weight")).isEmpty();
    assertThat(both.apply("encoder.x")).contains("encoder.x");
  }

  @Test
  void onlyTheFirstBlockHoldsThePositionBias() throws IOException {
    T5EncoderModel model =
        new T5EncoderModel(T5Config.of(SmallConfig.read(SmallConfig.T5, folder)));
    long[] biases = {0};
    model.forEachWeight((name, weight) -> {
      if (name.contains("relative_attention_bias")) {
        assertThat(name).startsWith("encoder.block.0.");
        biases[0]++;
      }
    });
    assertThat(biases[0]).isEqualTo(1);
  }

  /** Against differences of the output along the gradient. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "shared.weight",
        "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
        "encoder.block.1.layer.0.SelfAttention.k.weight",
        "encoder.block.0.layer.1.DenseReluDense.wi_1.weight",
        "encoder.final_layer_norm.weight"
      })
  void gradientsReachEveryWeight(String name) throws IOException {
    T5EncoderModel model =
        new T5EncoderModel(T5Config.of(SmallConfig.read(SmallConfig.T5, folder)));
    try (NDManager manager = FlowGolden.manager()) {
      RandomWeights.load(model, 5, manager);
      Map<String, Weight> weights = new HashMap<>();
      model.forEachWeight(weights::put);
      Weight weight = Objects.requireNonNull(weights.get(name));
      NDArray ids = manager.create(new long[] {3, 7, 1, 0, 0, 19}, new Shape(1, 6));
      NDArray factor =
          RandomStreams.gaussian(
              manager, new Shape(1, 6, 12), RandomStreams.stream(1, "factor", 0));
      NDArray variable = weight.own();
      variable.setRequiresGradient(true);
      NDArray gradient =
          GradMode.with(
              true,
              () ->
                  Kernels.GRADIENTS
                      .callWithLists(model.apply(ids).mul(factor).sum(), List.of(variable))
                      .head());
      double squared = gradient.square().sum().getFloat();
      double step = 1e-2 / Math.sqrt(squared);
      double slope =
          (value(model, weight, gradient, step, ids, factor)
                  - value(model, weight, gradient, -step, ids, factor))
              / (2 * step);
      assertThat(squared).isPositive();
      assertThat(slope).isCloseTo(squared, withinPercentage(1));
    }
  }

  private static double value(
      T5EncoderModel model,
      Weight weight,
      NDArray direction,
      double step,
      NDArray ids,
      NDArray factor) {
    return GradMode.with(
        false,
        () -> {
          weight.bind(weight.own().add(direction.mul((float) step)));
          double value = model.apply(ids).mul(factor).sum().getFloat();
          weight.bind(null);
          return value;
        });
  }
}
