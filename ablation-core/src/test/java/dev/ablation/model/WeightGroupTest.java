package dev.ablation.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

import dev.ablation.testing.TinyDiffusion;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

class WeightGroupTest {
  private static final TinyDiffusion MODEL = TinyDiffusion.open(1);

  @AfterAll
  static void close() {
    MODEL.close();
  }

  private static List<WeightRole> roles(WeightGroup group) {
    return group.select(MODEL.weights()).stream().map(WeightInfo::role).toList();
  }

  @Test
  void choosesByRole() {
    assertThat(roles(WeightGroup.crossAttentionKeyValue()))
        .containsExactly(WeightRole.CROSS_ATTENTION_KEY, WeightRole.CROSS_ATTENTION_VALUE);
    assertThat(roles(WeightGroup.attention()))
        .containsExactly(
            WeightRole.CROSS_ATTENTION_QUERY,
            WeightRole.CROSS_ATTENTION_KEY,
            WeightRole.CROSS_ATTENTION_VALUE,
            WeightRole.CROSS_ATTENTION_OUTPUT);
    assertThat(roles(WeightGroup.denoiser()))
        .hasSize(6)
        .doesNotContain(WeightRole.TOKEN_EMBEDDING, WeightRole.TEXT_ENCODER);
    assertThat(roles(WeightGroup.tokenEmbeddings())).containsExactly(WeightRole.TOKEN_EMBEDDING);
  }

  @Test
  void combines() {
    WeightGroup all = WeightGroup.denoiser().or(WeightGroup.tokenEmbeddings());
    assertThat(all.name()).isEqualTo("denoiser|token-embeddings");
    assertThat(roles(all)).hasSize(7);
    WeightGroup rest = WeightGroup.denoiser().minus(WeightGroup.attention());
    assertThat(rest.name()).isEqualTo("denoiser-attention");
    assertThat(roles(rest)).containsOnly(WeightRole.DENOISER);
  }

  @Test
  void saysWhatThereIsWhenNothingMatches() {
    WeightGroup none = WeightGroup.ofRoles("pixels", WeightRole.SELF_ATTENTION);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> none.select(MODEL.weights()))
        .withMessage(
            "weight group 'pixels' matches none of the model's 8 weights; their roles are"
                + " [CROSS_ATTENTION_KEY, CROSS_ATTENTION_OUTPUT, CROSS_ATTENTION_QUERY,"
                + " CROSS_ATTENTION_VALUE, DENOISER, TEXT_ENCODER, TOKEN_EMBEDDING]");
  }

  @Test
  void hasANameAndATest() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new WeightGroup(" ", info -> true))
        .withMessageContaining("must not be blank");
    assertThatNullPointerException()
        .isThrownBy(() -> new WeightGroup("all", null))
        .withMessage("test");
  }
}
