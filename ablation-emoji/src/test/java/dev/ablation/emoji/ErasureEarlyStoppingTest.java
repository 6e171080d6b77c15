package dev.ablation.emoji;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import dev.ablation.Ablation;
import dev.ablation.AblationResult;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.evaluation.ErasureEarlyStopping;
import dev.ablation.evaluation.ErasureEarlyStopping.Watched;
import dev.ablation.objective.AblationObjective;
import dev.ablation.sample.LatentSampler;
import dev.ablation.train.Measurement;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * The paper's teacher, the weights under training, runs away where target and anchor look very
 * different: the loss falls while all images become alike. The bound on the neighbours ends such a
 * run.
 */
@Tag("slow")
class ErasureEarlyStoppingTest {
  private static final List<String> THINGS = List.of("owl", "rocket", "pizza", "key");

  private static List<String> inStyle(String style) {
    return THINGS.stream()
        .map(thing -> EmbeddedModel.withArticle(thing) + " in " + style + " style")
        .toList();
  }

  @Test
  void theBoundEndsTheCollapseOfThePapersTeacherWithASoundDelta() throws IOException {
    try (StableDiffusion model =
            EmbeddedModel.open(LoadOptions.defaults().device(Device.cpu()).threads(1));
        EmbeddedEvaluator evaluator =
            EmbeddedEvaluator.open(LoadOptions.defaults().device(Device.cpu()).threads(1))) {
      List<Watched> neighbours =
          List.of("noto", "fluent", "ink").stream()
              .map(style -> new Watched(inStyle(style), evaluator.ofStyle(style)))
              .toList();
      ErasureEarlyStopping stopping =
          ErasureEarlyStopping.of(
                  new Watched(inStyle("blueprint"), evaluator.ofStyle("blueprint")),
                  inStyle("twemoji"),
                  neighbours,
                  EmbeddedModel.recommendedSampling().steps(8))
              .every(10)
              .limits(0, 0.75, 2);
      Ablation plan =
          EmojiAblation.style("blueprint", EmojiAblation.NO_STYLE)
              .images(16)
              .plan(model)
              .objective(AblationObjective.modelBased())
              .training(t -> t.steps(120).learningRate(3e-3).monitor(stopping));
      try (AblationResult result = plan.run()) {
        List<Measurement> kept =
            result.measurements().stream()
                .filter(each -> each.name().equals(ErasureEarlyStopping.KEPT))
                .toList();
        assertThat(kept.get(kept.size() - 1).value())
            .as("it collapses, %s", result.measurements())
            .isLessThan(0.75);
        assertThat(result.outcome().early()).isTrue();
        assertThat(result.outcome().reason()).startsWith("neighbours fell below the bound");
        assertThat(result.outcome().step()).isLessThan(result.outcome().steps());
        // The delta of the last sound look draws the neighbours as before.
        List<BufferedImage> drawn =
            result
                .delta()
                .applied(
                    model,
                    () ->
                        LatentSampler.of(model)
                            .settings(EmbeddedModel.recommendedSampling().steps(8))
                            .draw(inStyle("ink"), 0));
        assertThat(Arrays.stream(evaluator.ofStyle("ink").shows(drawn)).sum())
            .isGreaterThanOrEqualTo(3);
      }
    }
  }
}
