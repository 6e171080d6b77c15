package dev.ablation.djl.flux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.SmallConfig;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.djl.nn.Precision;
import dev.ablation.djl.nn.RandomWeights;
import dev.ablation.golden.Golden;
import dev.ablation.golden.Tensor;
import dev.ablation.golden.Tolerance;
import dev.ablation.random.RandomStreams;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FluxTransformerTest {
  private final NDManager manager = NDManager.newBaseManager(Golden.device(), "PyTorch");
  @TempDir private Path folder;

  @AfterEach
  void close() {
    manager.close();
  }

  private NDArray random(String name, long... shape) {
    return RandomStreams.gaussian(manager, new Shape(shape), RandomStreams.stream(1, name, 0));
  }

  private FluxTransformer2DModel network(boolean guidance) throws IOException {
    FluxTransformer2DModel network =
        new FluxTransformer2DModel(
            FluxTransformerConfig.of(
                SmallConfig.with(
                    SmallConfig.FLUX, "guidance_embeds", Boolean.toString(guidance), folder)));
    RandomWeights.load(network, 3, manager);
    return network;
  }

  /** Without a guidance scale. */
  private NDList inputs() {
    return new NDList(
        random("latents", 2, 6, 16),
        random("text", 2, 3, 12),
        random("pooled", 2, 6),
        manager.create(new float[] {0.1f, 0.7f}),
        FluxLatents.imageIds(4, 6, manager),
        FluxLatents.textIds(3, manager));
  }

  private static Tensor run(FluxTransformer2DModel network, NDList inputs) {
    return GradMode.with(false, () -> Tensor.of(network.applyAll(inputs).head()));
  }

  @ParameterizedTest
  @CsvSource({
    "patch_size, 2, '1, the only value'",
    "axes_dims_rope, '[2, 2, 2]', 'sum attention_head_dim, 8'",
    "axes_dims_rope, '[4, 4]', 3 even positive integers",
    "axes_dims_rope, '[1, 3, 4]', 3 even positive integers",
    "guidance_embeds, 1, true or false"
  })
  void refusesConfigurations(String key, String value, String rule) {
    assertThatThrownBy(
            () -> FluxTransformerConfig.of(SmallConfig.with(SmallConfig.FLUX, key, value, folder)))
        .isInstanceOf(InvalidCheckpointException.class)
        .hasMessageContainingAll("config.json", key + " must be", rule);
  }

  @Test
  void absentKeysTakeTheDefaultsOfThePublishedClass() throws IOException {
    FluxTransformerConfig config = FluxTransformerConfig.of(SmallConfig.read("{}", folder));
    assertThat(config.width()).isEqualTo(3072);
    assertThat(config.layers()).isEqualTo(19);
    assertThat(config.singleLayers()).isEqualTo(38);
    assertThat(config.guidanceEmbeds()).isFalse();
    assertThat(config.outChannels()).isEqualTo(64);
  }

  @Test
  void refusesAMissingAndASuperfluousGuidanceScale() throws IOException {
    FluxTransformer2DModel dev = network(true);
    FluxTransformer2DModel schnell = network(false);
    NDList without = inputs();
    NDList with = inputs();
    with.add(manager.create(new float[] {3.5f, 3.5f}));
    assertThat(run(dev, with).shape()).isEqualTo(new Shape(2, 6, 16));
    assertThat(run(schnell, without).shape()).isEqualTo(new Shape(2, 6, 16));
    assertThatThrownBy(() -> run(dev, without))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("a guidance scale must be given");
    assertThatThrownBy(() -> run(schnell, with))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("a guidance scale must not be given");
  }

  @Test
  void refusesInputsThatDoNotFit() throws IOException {
    FluxTransformer2DModel network = network(false);
    NDList latents = inputs();
    latents.set(0, random("latents", 2, 16, 2, 3));
    assertThatThrownBy(() -> run(network, latents))
        .hasMessage("packed latents must be (B, N, 16), were (2, 16, 2, 3)");
    NDList image = inputs();
    image.set(4, FluxLatents.imageIds(4, 4, manager));
    assertThatThrownBy(() -> run(network, image))
        .hasMessage("position ids of the image must be (6, 3), were (4, 3)");
    NDList text = inputs();
    text.set(5, FluxLatents.textIds(2, manager));
    assertThatThrownBy(() -> run(network, text))
        .hasMessage("position ids of the text must be (3, 3), were (2, 3)");
  }

  @Test
  void positionsOfTheImageCount() throws IOException {
    FluxTransformer2DModel network = network(false);
    NDList inputs = inputs();
    Tensor wide = run(network, inputs);
    inputs.set(4, FluxLatents.imageIds(6, 4, manager));
    assertThat(run(network, inputs).values()).isNotEqualTo(wide.values());
  }

  @Test
  void productsInBfloat16StayNear() throws IOException {
    FluxTransformer2DModel network = network(false);
    Tensor exact = run(network, inputs());
    network.setPrecision(Precision.BF16_MATMUL);
    Tensor rounded = run(network, inputs());
    assertThat(rounded.values()).isNotEqualTo(exact.values());
    Tolerance.relL2(0.03).check("output", rounded, exact);
  }

  @ParameterizedTest
  @CsvSource({"5, 4", "4, 7", "0, 4"})
  void refusesSizesThatDoNotDivide(long height, long width) {
    String message = "must be even, were %d x %d".formatted(height, width);
    assertThatThrownBy(() -> FluxLatents.imageIds(height, width, manager))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(message);
    assertThatThrownBy(() -> FluxLatents.unpack(random("x", 1, 4, 16), height, width))
        .hasMessageContaining(message);
  }

  @Test
  void refusesToPackOddSizesAndToUnpackOtherOnes() {
    assertThatThrownBy(() -> FluxLatents.pack(random("x", 1, 4, 5, 4)))
        .hasMessageContaining("must be even, were 5 x 4");
    assertThatThrownBy(() -> FluxLatents.pack(random("x", 4, 4, 4)))
        .hasMessageContaining("(B, c, H, W)");
    assertThatThrownBy(() -> FluxLatents.unpack(random("x", 1, 5, 16), 4, 4))
        .hasMessageContaining("must be (B, 4, 4 c), were (1, 5, 16)");
  }
}
