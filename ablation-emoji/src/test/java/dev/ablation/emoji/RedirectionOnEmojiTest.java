package dev.ablation.emoji;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import ai.djl.Device;
import dev.ablation.Ablation;
import dev.ablation.AblationResult;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.djl.load.LoadOptions;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The way that resists, on the embedded model: its plan, and a few steps on the real engine. */
class RedirectionOnEmojiTest {

  private static StableDiffusion open() throws IOException {
    return EmbeddedModel.open(LoadOptions.defaults().device(Device.cpu()).threads(1));
  }

  @ParameterizedTest
  @ValueSource(strings = {"blueprint", "cat face"})
  void whatStaysAndWhatSaysLittleNeverNamesTheTarget(String target) {
    boolean style = EmbeddedModel.styles().contains(target);
    EmojiAblation ablation = style ? EmojiAblation.style(target) : EmojiAblation.instance(target);
    ablation
        .resistant()
        .redirection(redirection -> {
          assertThat(redirection.keptPrompts()).hasSizeGreaterThan(200);
          assertThat(redirection.neutralPrompts()).hasSizeGreaterThan(200);
          for (List<String> prompts :
              List.of(redirection.keptPrompts(), redirection.neutralPrompts())) {
            assertThat(prompts).noneMatch(prompt -> prompt.contains(target));
          }
          assertThat(redirection.neutralPrompts())
              .noneMatch(prompt ->
                  List.of(prompt.split(" ")).stream().anyMatch(EmbeddedModel.styles()::contains));
          return redirection;
        });
  }

  @Test
  void onlyRedirectionCanBeAdjusted() {
    assertThatIllegalStateException()
        .isThrownBy(() -> EmojiAblation.style("ink").redirection(r -> r))
        .withMessageContaining("after resistant() alone");
  }

  @Test
  void itsStepsRunOnTheRealEngineAndLeaveTheModel() throws IOException {
    try (StableDiffusion model = open()) {
      Ablation plan =
          EmojiAblation.style("blueprint")
              .resistant()
              .redirection(r ->
                  r.pairs(2)
                      .keptImages(2)
                      .keptBatch(1)
                      .words(1, r.placeholder())
                      .relearning(2, 1, 0.05)
                      .sampling(EmbeddedModel.recommendedSampling().steps(2)))
              .training(t -> t.steps(2).batchSize(2))
              .plan(model);
      assertThat(plan.check()).isEmpty();
      try (AblationResult result = plan.run()) {
        assertThat(result.delta().norm()).isPositive();
        assertThat(result.history())
            .hasSize(2)
            .allSatisfy(step -> assertThat(step.loss()).isFinite().isPositive());
      }
      assertThat(model.weights().boundSha256()).isEmpty();
    }
  }
}
