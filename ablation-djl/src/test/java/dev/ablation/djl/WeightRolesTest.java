package dev.ablation.djl;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDList;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.Linear;
import dev.ablation.djl.nn.NamedWeights;
import dev.ablation.golden.Golden;
import dev.ablation.model.AttentionProjection;
import dev.ablation.model.AttentionProjection.Projection;
import dev.ablation.model.AttentionProjection.Stream;
import dev.ablation.model.WeightGroup;
import dev.ablation.model.WeightInfo;
import dev.ablation.model.WeightRole;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the blocks say of their weights, against the published names. */
class WeightRolesTest {

  /** The published names of UNets say the same. */
  private static WeightRole byName(String name) {
    if (name.startsWith("text_encoder.")) {
      return name.endsWith("token_embedding.weight")
          ? WeightRole.TOKEN_EMBEDDING
          : WeightRole.TEXT_ENCODER;
    }
    if (name.contains(".attn1.")) {
      return WeightRole.SELF_ATTENTION;
    }
    if (!name.contains(".attn2.")) {
      return WeightRole.DENOISER;
    }
    return name.contains(".to_q.")
        ? WeightRole.CROSS_ATTENTION_QUERY
        : name.contains(".to_k.")
            ? WeightRole.CROSS_ATTENTION_KEY
            : name.contains(".to_v.")
                ? WeightRole.CROSS_ATTENTION_VALUE
                : WeightRole.CROSS_ATTENTION_OUTPUT;
  }

  @ParameterizedTest
  @ValueSource(strings = {"tiny-sd1", "tiny-sd2"})
  void theBlocksOfAUnetSayWhatTheNamesSay(String pipeline) throws IOException {
    Path folder = Golden.path("pipelines/" + pipeline);
    try (StableDiffusion model =
        StableDiffusion.load(folder, LoadOptions.defaults().device(Golden.device()))) {
      assertThat(model.weights().list())
          .hasSizeGreaterThan(300)
          .allSatisfy(info -> {
            assertThat(info.role()).as(info.name()).isEqualTo(byName(info.name()));
            assertThat(info.name()).startsWith(info.component() + ".");
          });
      assertThat(model.weights().list())
          .filteredOn(info -> info.name().endsWith("self_attn.k_proj.weight"))
          .isNotEmpty()
          .allMatch(info ->
              info.projection()
                  .equals(Optional.of(AttentionProjection.self(Projection.KEY, Stream.TEXT))));
      assertThat(model.weights().list())
          .filteredOn(info -> info.name().endsWith("attn1.to_out.0.bias"))
          .isNotEmpty()
          .allMatch(info ->
              info.projection()
                  .equals(Optional.of(AttentionProjection.self(Projection.OUTPUT, Stream.IMAGE))));
    }
  }

  /** The projections of a joint attention and of a second one that the image has for itself. */
  private static final class DualBlock extends Layer {
    DualBlock() {
      child("attn", new Joint());
      child("attn2", new ImageAttention());
      child("ff", new Linear(2, 2));
    }

    @Override
    protected NDList call(NDList in) {
      return in;
    }
  }

  private static final class Joint extends Layer {
    Joint() {
      child("to_q", new Linear(2, 2), AttentionProjection.joint(Projection.QUERY, Stream.IMAGE));
      child("to_k", new Linear(2, 2), AttentionProjection.joint(Projection.KEY, Stream.IMAGE));
      child("to_v", new Linear(2, 2), AttentionProjection.joint(Projection.VALUE, Stream.IMAGE));
      child(
          "add_q_proj", new Linear(2, 2), AttentionProjection.joint(Projection.QUERY, Stream.TEXT));
      child("add_k_proj", new Linear(2, 2), AttentionProjection.joint(Projection.KEY, Stream.TEXT));
      child(
          "add_v_proj", new Linear(2, 2), AttentionProjection.joint(Projection.VALUE, Stream.TEXT));
    }

    @Override
    protected NDList call(NDList in) {
      return in;
    }
  }

  private static final class ImageAttention extends Layer {
    ImageAttention() {
      child("to_k", new Linear(2, 2), AttentionProjection.self(Projection.KEY, Stream.IMAGE));
      child("to_v", new Linear(2, 2), AttentionProjection.self(Projection.VALUE, Stream.IMAGE));
    }

    @Override
    protected NDList call(NDList in) {
      return in;
    }
  }

  @Test
  void groupsWorkForJointAttention() {
    NamedWeights weights =
        new NamedWeights().add("transformer", new DualBlock(), WeightRole.DENOISER);
    assertThat(names(WeightGroup.crossAttentionKeyValue(), weights))
        .containsExactly(
            "transformer.attn.add_k_proj.weight",
            "transformer.attn.add_k_proj.bias",
            "transformer.attn.add_v_proj.weight",
            "transformer.attn.add_v_proj.bias");
    assertThat(names(WeightGroup.attention(), weights)).hasSize(16);
    assertThat(names(WeightGroup.denoiser(), weights)).hasSize(18);
    assertThat(names(WeightGroup.ofComponents("all", "transformer", "x"), weights)).hasSize(18);
    assertThat(weights.info("transformer.attn2.to_k.weight").role())
        .isEqualTo(WeightRole.SELF_ATTENTION);
    assertThat(weights.info("transformer.attn.to_k.weight").role())
        .isEqualTo(WeightRole.JOINT_ATTENTION);
  }

  private static List<String> names(WeightGroup group, NamedWeights weights) {
    return group.select(weights).stream().map(WeightInfo::name).toList();
  }
}
