package dev.ablation.djl.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ablation.djl.SmallConfigs;
import dev.ablation.djl.clip.ClipTextModel;
import dev.ablation.djl.vae.AutoencoderKL;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class RandomWeightsTest {
  private final NDManager manager = NDManager.newBaseManager("PyTorch");

  @AfterEach
  void close() {
    manager.close();
  }

  private Map<String, NDArray> weights(Layer network, long seed) {
    RandomWeights.load(network, seed, manager);
    Map<String, NDArray> weights = new HashMap<>();
    network.forEachWeight((name, weight) -> weights.put(name, weight.get()));
    return weights;
  }

  private Map<String, NDArray> vae(long seed) {
    return weights(new AutoencoderKL(SmallConfigs.vae(16, 2)), seed);
  }

  private static double deviation(NDArray array) {
    return Math.sqrt(array.square().mean().getFloat());
  }

  @Test
  void convolutionsAndLinearMapsAreUniformWithinTheInverseRootOfTheirInputs() {
    Map<String, NDArray> vae = vae(1);
    double bound = 1 / Math.sqrt(16 * 9);
    for (String name : List.of("decoder.mid_block.resnets.0.conv1.weight")) {
      assertThat(deviation(vae.get(name))).isCloseTo(bound / Math.sqrt(3), within(0.05 * bound));
      assertThat((double) vae.get(name).abs().max().getFloat())
          .isBetween(0.98 * bound, bound * 1.0001);
    }
    assertThat((double) vae.get("decoder.mid_block.resnets.0.conv1.bias").abs().max().getFloat())
        .isBetween(0.5 * bound, bound);
    NDArray query = vae.get("encoder.mid_block.attentions.0.to_q.weight");
    assertThat((double) query.abs().max().getFloat()).isBetween(0.24, 0.2501);
  }

  @Test
  void normalisationsBeginWithoutEffect() {
    Map<String, NDArray> vae = vae(1);
    assertThat(vae.get("encoder.conv_norm_out.weight").toFloatArray()).containsOnly(1);
    assertThat(vae.get("encoder.conv_norm_out.bias").toFloatArray()).containsOnly(0);
  }

  @Test
  void embeddingsAreNormalAndSmall() {
    Map<String, NDArray> text = weights(new ClipTextModel(SmallConfigs.text()), 1);
    assertThat(deviation(text.get("text_model.embeddings.token_embedding.weight")))
        .isCloseTo(0.02, within(0.001));
    assertThat(deviation(text.get("text_model.embeddings.position_embedding.weight")))
        .isCloseTo(0.02, within(0.004));
  }

  @Test
  void theSeedDecidesAndTheNameToo() {
    NDArray first = vae(1).get("decoder.conv_in.weight");
    assertThat(first.toFloatArray())
        .isEqualTo(vae(1).get("decoder.conv_in.weight").toFloatArray())
        .isNotEqualTo(vae(2).get("decoder.conv_in.weight").toFloatArray());
    Map<String, NDArray> vae = vae(1);
    assertThat(vae.get("decoder.mid_block.resnets.0.conv1.weight").toFloatArray())
        .isNotEqualTo(vae.get("decoder.mid_block.resnets.0.conv2.weight").toFloatArray());
  }
}
