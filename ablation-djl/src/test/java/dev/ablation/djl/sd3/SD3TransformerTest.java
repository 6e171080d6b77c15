package dev.ablation.djl.sd3;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.SmallConfig;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.internal.kernel.Kernels;
import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.djl.nn.Precision;
import dev.ablation.djl.nn.RandomWeights;
import dev.ablation.djl.nn.Weight;
import dev.ablation.golden.Golden;
import dev.ablation.golden.Tensor;
import dev.ablation.golden.Tolerance;
import dev.ablation.model.LoraFactors;
import dev.ablation.random.RandomStreams;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SD3TransformerTest {
  private final NDManager manager = NDManager.newBaseManager(Golden.device(), "PyTorch");
  @TempDir private Path folder;

  @AfterEach
  void close() {
    manager.close();
  }

  private NDArray random(String name, long... shape) {
    return RandomStreams.gaussian(manager, new Shape(shape), RandomStreams.stream(1, name, 0));
  }

  private SD3Transformer2DModel network() throws IOException {
    SD3Transformer2DModel network =
        new SD3Transformer2DModel(
            SD3TransformerConfig.of(SmallConfig.read(SmallConfig.SD3, folder)));
    RandomWeights.load(network, 3, manager);
    return network;
  }

  private NDList inputs(long height, long width) {
    return new NDList(
        random("sample", 2, 4, height, width),
        random("text", 2, 5, 12),
        random("pooled", 2, 6),
        manager.create(new float[] {3, 700}));
  }

  private static Tensor run(SD3Transformer2DModel network, NDList inputs) {
    return GradMode.with(false, () -> Tensor.of(network.applyAll(inputs).head()));
  }

  @ParameterizedTest
  @CsvSource({
    "qk_norm, '\"layer_norm\"', null or \"rms_norm\"",
    "caption_projection_dim, 10, num_attention_heads times attention_head_dim",
    "dual_attention_layers, '[0, 3]', indices of the 3 layers",
    "dual_attention_layers, '[-1]', indices of the 3 layers",
    "num_layers, 0, positive",
    "patch_size, 2.5, an integer"
  })
  void refusesConfigurations(String key, String value, String rule) {
    assertThatThrownBy(
            () -> SD3TransformerConfig.of(SmallConfig.with(SmallConfig.SD3, key, value, folder)))
        .isInstanceOf(InvalidCheckpointException.class)
        .hasMessageContainingAll("config.json", key + " must be", rule);
  }

  @Test
  void absentKeysTakeTheDefaultsOfThePublishedClass() throws IOException {
    SD3TransformerConfig config = SD3TransformerConfig.of(SmallConfig.read("{}", folder));
    assertThat(config.width()).isEqualTo(1152);
    assertThat(config.layers()).isEqualTo(18);
    assertThat(config.attention().qkNorm()).isFalse();
    assertThat(config.dualAttentionLayers()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({"7, 8", "8, 5", "14, 8", "8, 14"})
  void refusesSizesThatItsPatchesOrPositionsDoNotCover(long height, long width) throws IOException {
    SD3Transformer2DModel network = network();
    assertThatThrownBy(() -> run(network, inputs(height, width)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContainingAll(
            "(B, 4, H, W)", "multiples of 2 and at most 12", height + ", " + width);
  }

  @Test
  void refusesLatentsOfOtherChannels() throws IOException {
    SD3Transformer2DModel network = network();
    NDList inputs = inputs(8, 8);
    inputs.set(0, random("sample", 2, 3, 8, 8));
    assertThatThrownBy(() -> run(network, inputs)).hasMessageContaining("(2, 3, 8, 8)");
  }

  @Test
  void skippedBlocksAreLeftOutUntilTheyAreNot() throws IOException {
    SD3Transformer2DModel network = network();
    NDList inputs = inputs(8, 6);
    Tensor whole = run(network, inputs);
    network.skipBlocks(Set.of(1));
    Tensor skipped = run(network, inputs);
    assertThat(skipped.values()).isNotEqualTo(whole.values());
    // A block whose gates are zero changes nothing.
    network.skipBlocks(Set.of());
    assertThat(run(network, inputs).values()).isEqualTo(whole.values());
    Map<String, Weight> weights = new LinkedHashMap<>();
    network.forEachWeight(weights::put);
    for (String norm : new String[] {"norm1", "norm1_context"}) {
      for (String kind : new String[] {"weight", "bias"}) {
        Weight weight = weights.get("transformer_blocks.1." + norm + ".linear." + kind);
        weight.bind(manager.zeros(weight.shape()));
      }
    }
    Tolerance.relL2(1e-6).check("output", run(network, inputs), skipped);
  }

  @ParameterizedTest
  @ValueSource(ints = {-1, 3})
  void refusesToSkipBlocksThatItLacks(int block) throws IOException {
    SD3Transformer2DModel network = network();
    assertThatThrownBy(() -> network.skipBlocks(Set.of(0, block)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("a skipped block must be in 0..2, was " + block);
  }

  /** The same as the product added to the weight. */
  @Test
  void everyLinearMapTakesALowRankChange() throws IOException {
    SD3Transformer2DModel network = network();
    NDList inputs = inputs(8, 8);
    Map<String, Weight> weights = new LinkedHashMap<>();
    network.forEachWeight(weights::put);
    int changed = 0;
    for (Map.Entry<String, Weight> entry : weights.entrySet()) {
      Weight weight = entry.getValue();
      if (!weight.supportsLora() || !entry.getKey().contains("blocks.0.attn")) {
        continue;
      }
      long out = weight.shape().get(0);
      LoraFactors change =
          new LoraFactors(random("a", 2, weight.shape().get(1)), random("b", out, 2), 0.5);
      weight.change(change);
      Tensor beside = run(network, inputs);
      weight.change(null);
      weight.bind(GradMode.with(false, () -> weight.own().add(change.product(manager))));
      Tensor merged = run(network, inputs);
      weight.bind(null);
      Tolerance.relL2(1e-5).check(entry.getKey(), beside, merged);
      changed++;
    }
    assertThat(changed).isEqualTo(8 + 4);
  }

  @Test
  void productsInBfloat16StayNear() throws IOException {
    SD3Transformer2DModel network = network();
    NDList inputs = inputs(8, 8);
    Tensor exact = run(network, inputs);
    network.setPrecision(Precision.BF16_MATMUL);
    Tensor rounded = run(network, inputs);
    assertThat(rounded.values()).isNotEqualTo(exact.values());
    Tolerance.relL2(0.03).check("output", rounded, exact);
  }

  @Test
  void positionsAreSinesAndCosinesOfColumnAndRow() throws IOException {
    SD3TransformerConfig config =
        SD3TransformerConfig.of(SmallConfig.read(SmallConfig.SD3, folder));
    NDArray table = SD3Positions.table(config, manager);
    assertThat(table.getShape()).isEqualTo(new Shape(1, 36, 8));
    float[] token = table.get(0).get(2 * 6 + 5).toFloatArray();
    double unit = 4.0 / 6;
    double[] angles = {5 * unit, 5 * unit / 100, 2 * unit, 2 * unit / 100};
    assertThat((double) token[0]).isCloseTo(Math.sin(angles[0]), within(1e-6));
    assertThat((double) token[1]).isCloseTo(Math.sin(angles[1]), within(1e-6));
    assertThat((double) token[2]).isCloseTo(Math.cos(angles[0]), within(1e-6));
    assertThat((double) token[5]).isCloseTo(Math.sin(angles[3]), within(1e-6));
    assertThat((double) token[6]).isCloseTo(Math.cos(angles[2]), within(1e-6));
  }

  @Test
  void textEmbeddingsAreFilledWithZerosAndFollowedByThoseOfT5() {
    NDArray joined =
        SD3TextEncoders.joined(
            manager.ones(new Shape(1, 2, 2)),
            manager.ones(new Shape(1, 2, 1)).mul(2),
            manager.ones(new Shape(1, 1, 5)).mul(3));
    assertThat(joined.getShape()).isEqualTo(new Shape(1, 3, 5));
    assertThat(joined.toFloatArray()).containsExactly(1, 1, 2, 0, 0, 1, 1, 2, 0, 0, 3, 3, 3, 3, 3);
  }

  @Test
  void gradientsReachTheInputs() throws IOException {
    SD3Transformer2DModel network = network();
    NDList inputs = inputs(8, 8);
    inputs.get(1).setRequiresGradient(true);
    NDArray gradient =
        GradMode.with(
            true,
            () ->
                Kernels.GRADIENTS
                    .callWithLists(network.applyAll(inputs).head().sum(), List.of(inputs.get(1)))
                    .head());
    assertThat(Tensor.of(gradient).largest()).isPositive();
  }
}
