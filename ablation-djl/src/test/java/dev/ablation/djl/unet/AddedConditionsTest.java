package dev.ablation.djl.unet;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.SmallConfigs;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.djl.load.JsonConfig;
import dev.ablation.djl.nn.RandomWeights;
import dev.ablation.djl.nn.Weight;
import dev.ablation.golden.Golden;
import java.io.IOException;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Pooled text embeddings and sizes that are added to the time embedding, as in SDXL. */
class AddedConditionsTest {
  private static final JsonConfig ADDED =
      SmallConfigs.unet()
          .with("addition_embed_type", "text_time")
          .with("addition_time_embed_dim", 8)
          .with("projection_class_embeddings_input_dim", 5 + 6 * 8);

  private NDManager manager;

  @BeforeEach
  void open() {
    manager = NDManager.newBaseManager(Golden.device(), "PyTorch");
  }

  @AfterEach
  void close() {
    manager.close();
  }

  private UNet2DConditionModel network(JsonConfig json) throws IOException {
    UNet2DConditionModel network = new UNet2DConditionModel(UNetConfig.of(json));
    RandomWeights.load(network, 3, manager);
    return network;
  }

  private static Map<String, Weight> weights(UNet2DConditionModel network) {
    Map<String, Weight> weights = new TreeMap<>();
    network.forEachWeight(weights::put);
    return weights;
  }

  private NDArray ones(long... shape) {
    return manager.ones(new Shape(shape));
  }

  private float[] predict(UNet2DConditionModel network, NDArray... added) {
    NDArray[] inputs = new NDArray[3 + added.length];
    inputs[0] = ones(2, 4, 8, 8);
    inputs[1] = ones(2).mul(7);
    inputs[2] = ones(2, 3, 6);
    System.arraycopy(added, 0, inputs, 3, added.length);
    return GradMode.with(false, () -> network.apply(inputs)).toFloatArray();
  }

  @Test
  void theyHaveThePublishedNamesAndChangeThePrediction() throws IOException {
    UNet2DConditionModel network = network(ADDED);
    assertThat(weights(network).keySet())
        .contains(
            "add_embedding.linear_1.weight",
            "add_embedding.linear_1.bias",
            "add_embedding.linear_2.weight",
            "add_embedding.linear_2.bias");
    assertThat(weights(network).get("add_embedding.linear_1.weight").shape())
        .isEqualTo(new Shape(16, 53));
    float[] first = predict(network, ones(2, 5), ones(2, 6));
    assertThat(predict(network, ones(2, 5), ones(2, 6).mul(64))).isNotEqualTo(first);
    assertThat(predict(network, ones(2, 5).mul(2), ones(2, 6))).isNotEqualTo(first);
  }

  @Test
  void withoutThemItIsTheNetworkWithoutTheEmbedding() throws IOException {
    UNet2DConditionModel added = network(ADDED);
    UNet2DConditionModel plain = network(SmallConfigs.unet());
    for (String name : new String[] {"weight", "bias"}) {
      Weight weight = weights(added).get("add_embedding.linear_2." + name);
      weight.bind(manager.zeros(weight.shape()));
    }
    assertThat(predict(added, ones(2, 5), ones(2, 6))).isEqualTo(predict(plain));
  }

  @Test
  void theyMustBeGiven() throws IOException {
    UNet2DConditionModel network = network(ADDED);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> predict(network))
        .withMessageContaining("pooled text embeddings");
  }

  @Test
  void otherKindsAndMissingWidthsAreRefused() {
    assertThatThrownBy(() -> UNetConfig.of(ADDED.with("addition_embed_type", "image")))
        .isInstanceOf(InvalidCheckpointException.class)
        .hasMessageContainingAll("addition_embed_type", "'text_time'", "\"image\"");
    assertThatThrownBy(() -> UNetConfig.of(ADDED.with("addition_time_embed_dim", 3)))
        .isInstanceOf(InvalidCheckpointException.class)
        .hasMessageContainingAll("addition_time_embed_dim", "even");
    assertThatThrownBy(() ->
            UNetConfig.of(
                SmallConfigs.unet()
                    .with("addition_embed_type", "text_time")
                    .with("addition_time_embed_dim", 8)))
        .isInstanceOf(InvalidCheckpointException.class)
        .hasMessageContaining("projection_class_embeddings_input_dim");
  }

  @Test
  void configurationsAreEqualByTheirValues() throws IOException {
    assertThat(UNetConfig.of(ADDED))
        .isEqualTo(UNetConfig.of(ADDED))
        .hasSameHashCodeAs(UNetConfig.of(ADDED));
    assertThat(UNetConfig.of(ADDED)).isNotEqualTo(UNetConfig.of(SmallConfigs.unet()));
    assertThat(UNetConfig.of(ADDED.with("in_channels", 9)).inChannels()).isEqualTo(9);
  }
}
