package dev.ablation.emoji.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.load.JsonConfig;
import dev.ablation.djl.nn.RandomWeights;
import dev.ablation.djl.vae.AutoencoderKL;
import dev.ablation.djl.vae.VaeConfig;
import dev.ablation.random.RandomStreams;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class LatentScaleTest {
  private static final VaeConfig CONFIG = config();

  private static VaeConfig config() {
    try {
      return VaeConfig.of(
          JsonConfig.empty()
              .with("latent_channels", 2)
              .with("block_out_channels", Collections.nCopies(2, 4))
              .with("down_block_types", Collections.nCopies(2, "DownEncoderBlock2D"))
              .with("up_block_types", Collections.nCopies(2, "UpDecoderBlock2D"))
              .with("norm_num_groups", 2)
              .with("mid_block_add_attention", false)
              .with("scaling_factor", 1));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private final NDManager manager = NDManager.newBaseManager("PyTorch");

  @AfterEach
  void close() {
    manager.close();
  }

  @Test
  void foldedLatentsHaveMeanZeroAndOneDeviationAndDecodeToTheSameImages() {
    AutoencoderKL raw = new AutoencoderKL(CONFIG);
    RandomWeights.load(raw, 3, manager);
    Map<String, NDArray> weights = new LinkedHashMap<>();
    raw.forEachWeight((name, weight) -> weights.put(name, weight.get()));
    NDArray images =
        RandomStreams.gaussian(
            manager, new Shape(6, 3, 8, 8), RandomStreams.stream(1, "images", 0));
    NDList before = raw.posterior(raw.moments(images));
    NDArray drawn = raw.apply(before.get(0));

    LatentScale scale = LatentScale.of(List.of(before.get(0).toFloatArray()), 1);
    assertThat(scale.means()[0]).isCloseTo(before.get(0).mean().getFloat(), within(1e-5));
    scale = measure(before.get(0));
    scale.fold(weights, manager);
    AutoencoderKL folded = new AutoencoderKL(CONFIG);
    ModelFolder.load(folded, weights);
    NDList after = folded.posterior(folded.moments(images));
    LatentScale now = measure(after.get(0));
    for (int c = 0; c < 2; c++) {
      assertThat(now.means()[c]).isCloseTo(0, within(1e-5));
      assertThat(now.deviations()[c]).isCloseTo(scale.common(), within(1e-5));
      double ratio = scale.common() / scale.deviations()[c];
      assertThat(after.get(2).get(":, " + c).toFloatArray())
          .containsExactly(before.get(2).get(":, " + c).mul(ratio).toFloatArray(), within(1e-4f));
    }
    assertThat(folded.apply(after.get(0)).toFloatArray())
        .containsExactly(drawn.toFloatArray(), within(1e-4f));
    assertThat(scale.scalingFactor() * scale.common()).isCloseTo(1, within(1e-12));
  }

  private static LatentScale measure(NDArray latents) {
    List<float[]> rows =
        java.util.stream.LongStream.range(0, latents.getShape().get(0))
            .mapToObj(i -> latents.get(i).toFloatArray())
            .toList();
    return LatentScale.of(rows, 2);
  }
}
