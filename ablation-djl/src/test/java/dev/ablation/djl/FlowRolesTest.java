package dev.ablation.djl;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ablation.djl.flux.FluxTransformer2DModel;
import dev.ablation.djl.flux.FluxTransformerConfig;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.NamedWeights;
import dev.ablation.djl.sd3.SD3Transformer2DModel;
import dev.ablation.djl.sd3.SD3TransformerConfig;
import dev.ablation.djl.t5.T5Config;
import dev.ablation.djl.t5.T5EncoderModel;
import dev.ablation.model.AttentionProjection;
import dev.ablation.model.AttentionProjection.Projection;
import dev.ablation.model.AttentionProjection.Stream;
import dev.ablation.model.WeightGroup;
import dev.ablation.model.WeightInfo;
import dev.ablation.model.WeightRole;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the weights of the transformers and of T5 are for. */
class FlowRolesTest {
  @TempDir private Path folder;

  private static List<WeightInfo> weights(Layer network, WeightRole otherwise) {
    return new NamedWeights().add("net", network, otherwise).list();
  }

  private static List<String> names(List<WeightInfo> weights, AttentionProjection projection) {
    return weights.stream()
        .filter(info -> info.projection().filter(projection::equals).isPresent())
        .map(WeightInfo::name)
        .toList();
  }

  @Test
  void theTextStreamHasItsOwnProjections() throws IOException {
    List<WeightInfo> weights =
        weights(
            new SD3Transformer2DModel(
                SD3TransformerConfig.of(SmallConfig.read(SmallConfig.SD3, folder))),
            WeightRole.DENOISER);
    assertThat(names(weights, AttentionProjection.joint(Projection.KEY, Stream.TEXT)))
        .hasSize(2 * 3)
        .allMatch(name -> name.contains(".attn.add_k_proj."));
    assertThat(names(weights, AttentionProjection.joint(Projection.OUTPUT, Stream.TEXT)))
        .hasSize(2 * 2)
        .allMatch(name -> name.contains(".attn.to_add_out."));
    assertThat(names(weights, AttentionProjection.joint(Projection.QUERY, Stream.IMAGE)))
        .hasSize(2 * 3)
        .allMatch(name -> name.contains(".attn.to_q."));
    assertThat(names(weights, AttentionProjection.joint(Projection.OTHER, Stream.TEXT)))
        .hasSize(2 * 3)
        .allMatch(name -> name.contains(".attn.norm_added_"));
    // The second attention of a dual block is the image's own.
    assertThat(names(weights, AttentionProjection.self(Projection.VALUE, Stream.IMAGE)))
        .containsExactly(
            "net.transformer_blocks.0.attn2.to_v.weight",
            "net.transformer_blocks.0.attn2.to_v.bias");
    assertThat(weights.stream().filter(WeightGroup.crossAttentionKeyValue().test()))
        .hasSize(2 * 2 * 3)
        .allMatch(info -> info.name().matches(".*\\.attn\\.add_[kv]_proj\\.(weight|bias)"));
  }

  @Test
  void normalisationsAndTablesAreNoProjections() throws IOException {
    List<WeightInfo> weights =
        weights(
            new SD3Transformer2DModel(
                SD3TransformerConfig.of(SmallConfig.read(SmallConfig.SD3, folder))),
            WeightRole.DENOISER);
    assertThat(weights.stream().filter(WeightGroup.attention().test()).map(WeightInfo::name))
        .isNotEmpty()
        .allMatch(name ->
            name.matches(
                ".*\\.attn2?\\.(to_[qkv]|add_[qkv]_proj|to_out\\.0|to_add_out)\\.(weight|bias)"));
    assertThat(weights.stream().filter(WeightGroup.contextEmbedder().test()).map(WeightInfo::name))
        .containsExactly("net.context_embedder.weight", "net.context_embedder.bias");
    // The table of positions is stored, but never trained.
    assertThat(weights).extracting(WeightInfo::name).doesNotContain("net.pos_embed.pos_embed");
    assertThat(weights).extracting(WeightInfo::name).contains("net.pos_embed.proj.weight");
  }

  @Test
  void singleBlocksProjectBothStreams() throws IOException {
    List<WeightInfo> weights =
        weights(
            new FluxTransformer2DModel(
                FluxTransformerConfig.of(SmallConfig.read(SmallConfig.FLUX, folder))),
            WeightRole.DENOISER);
    assertThat(names(weights, AttentionProjection.joint(Projection.KEY, Stream.BOTH)))
        .containsExactly(
            "net.single_transformer_blocks.0.attn.to_k.weight",
            "net.single_transformer_blocks.0.attn.to_k.bias");
    assertThat(names(weights, AttentionProjection.joint(Projection.VALUE, Stream.TEXT)))
        .containsExactly(
            "net.transformer_blocks.0.attn.add_v_proj.weight",
            "net.transformer_blocks.0.attn.add_v_proj.bias");
  }

  @Test
  void t5HasATokenEmbeddingAndAttentionOfTheText() throws IOException {
    List<WeightInfo> weights =
        weights(
            new T5EncoderModel(T5Config.of(SmallConfig.read(SmallConfig.T5, folder))),
            WeightRole.TEXT_ENCODER);
    assertThat(weights.stream().filter(info -> info.role() == WeightRole.TOKEN_EMBEDDING))
        .hasSize(1)
        .allMatch(info -> info.name().equals("net.shared.weight"));
    assertThat(names(weights, AttentionProjection.self(Projection.QUERY, Stream.TEXT))).hasSize(2);
  }
}
