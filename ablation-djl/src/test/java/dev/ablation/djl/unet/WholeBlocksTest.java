package dev.ablation.djl.unet;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.SmallConfigs;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.internal.kernel.Kernels;
import dev.ablation.djl.load.JsonConfig;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.Precision;
import dev.ablation.djl.nn.RandomWeights;
import dev.ablation.djl.vae.AutoencoderKL;
import dev.ablation.golden.Golden;
import dev.ablation.random.RandomStreams;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Blocks in one kernel compute what their layers compute one by one, to the bit. An observed layer
 * is computed by itself.
 */
class WholeBlocksTest {
  private static final long SEED = 5;

  private NDManager manager;

  @BeforeEach
  void open() {
    manager = NDManager.newBaseManager(Golden.device(), "PyTorch");
  }

  @AfterEach
  void close() {
    manager.close();
  }

  /** Projections by linear maps and by convolutions; with and without a scale of the middle. */
  private static Stream<JsonConfig> configs() {
    JsonConfig config = SmallConfigs.unet();
    return Stream.of(
        config,
        config.with("use_linear_projection", false),
        config.with("mid_block_scale_factor", 1.5));
  }

  private UNet2DConditionModel network(JsonConfig config) throws IOException {
    UNet2DConditionModel network = new UNet2DConditionModel(UNetConfig.of(config));
    RandomWeights.load(network, SEED, manager);
    return network;
  }

  private NDArray random(String name, long... shape) {
    return RandomStreams.gaussian(manager, new Shape(shape), RandomStreams.stream(SEED, name, 0));
  }

  private NDArray[] inputs() {
    return new NDArray[] {
      random("latents", 2, 4, 8, 8), manager.create(new float[] {3, 900}), random("text", 2, 5, 6)
    };
  }

  /** Computes with every layer observed. */
  private static <T> T layerByLayer(Layer network, Supplier<T> body) {
    network.forEachLayer((name, layer) -> layer.observe(out -> {}));
    T result = body.get();
    network.forEachLayer((name, layer) -> layer.observe(null));
    return result;
  }

  @ParameterizedTest
  @MethodSource("configs")
  void predictionsAreTheSame(JsonConfig config) throws IOException {
    UNet2DConditionModel network = network(config);
    Supplier<float[]> predict =
        () -> GradMode.with(false, () -> network.apply(inputs())).toFloatArray();
    assertThat(predict.get()).isEqualTo(layerByLayer(network, predict));
  }

  @ParameterizedTest
  @EnumSource(Precision.class)
  void predictionsAreTheSameInEveryPrecision(Precision precision) throws IOException {
    UNet2DConditionModel network = network(SmallConfigs.unet());
    network.setPrecision(precision);
    Supplier<float[]> predict =
        () -> GradMode.with(false, () -> network.apply(inputs())).toFloatArray();
    assertThat(predict.get()).isEqualTo(layerByLayer(network, predict));
  }

  @ParameterizedTest
  @MethodSource("configs")
  void gradientsOfAllWeightsAreTheSame(JsonConfig config) throws IOException {
    for (boolean stopFirst : List.of(false, true)) {
      UNet2DConditionModel network = network(config);
      network.stopStartToken(stopFirst);
      List<NDArray> weights = new ArrayList<>();
      network.forEachWeight((name, weight) -> {
        NDArray variable = weight.copy(manager);
        variable.setRequiresGradient(true);
        weight.bind(variable);
        weights.add(variable);
      });
      Supplier<List<float[]>> gradients = () -> gradients(network, weights);
      List<float[]> whole = gradients.get();
      assertThat(whole).hasSameSizeAs(weights).anyMatch(WholeBlocksTest::isNotZero);
      assertThat(whole).usingRecursiveComparison().isEqualTo(layerByLayer(network, gradients));
    }
  }

  private static boolean isNotZero(float[] values) {
    for (float value : values) {
      if (value != 0) {
        return true;
      }
    }
    return false;
  }

  private List<float[]> gradients(UNet2DConditionModel network, List<NDArray> weights) {
    NDList gradients =
        GradMode.with(
            true,
            () ->
                Kernels.GRADIENTS_OR_ZEROS.callWithLists(
                    network.apply(inputs()).square().mean(), weights));
    return gradients.stream().map(NDArray::toFloatArray).toList();
  }

  @Test
  void imagesOfAnAutoencoderAreTheSame() {
    AutoencoderKL network = new AutoencoderKL(SmallConfigs.vae(4, 2));
    RandomWeights.load(network, SEED, manager);
    NDArray latents = random("latents", 1, 2, 4, 4);
    Supplier<float[]> decode =
        () -> GradMode.with(false, () -> network.apply(latents)).toFloatArray();
    assertThat(decode.get()).isEqualTo(layerByLayer(network, decode));
  }
}
